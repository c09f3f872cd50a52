// Browsers that know no modules run only this file.
document.getElementById("status").textContent =
  "This browser is too old for this page: please use a current Chrome, Edge, Firefox or Safari.";
