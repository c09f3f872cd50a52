import { api } from "../common/api.js";
import { texts } from "../texts.en.js";

const at = (id) => document.getElementById(id);

/** Prepare the form; `entered` is called once somebody has logged in. */
export function prepareLogin(entered) {
  for (const [id, text] of [
    ["login-title", texts.loginTitle], ["name-label", texts.name], ["password-label", texts.password],
    ["login-button", texts.login],
  ]) at(id).textContent = text;
  at("login").addEventListener("submit", async (event) => {
    event.preventDefault();
    at("login-problem").textContent = "";
    at("login-button").disabled = true;
    try {
      await api("POST", "v1/login", { name: at("name").value, password: at("password").value });
      entered();
    } catch (error) {
      at("login-problem").textContent = error.message;
      at("password").focus();
    } finally {
      at("password").value = "";
      at("login-button").disabled = false;
    }
  });
}

/** Ask who it is. */
export function showLogin() {
  if (!at("login").hidden) return;
  at("login").hidden = false;
  at("name").focus();
}

/** Ask no longer. */
export function hideLogin() {
  at("login").hidden = true;
  at("login-problem").textContent = "";
}
