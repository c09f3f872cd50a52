import { texts } from "../texts.en.js";

/**
 * The pages, in the order of the navigation: the last part of the path, the link's text, who may see it, and what
 * opens it. A page is opened as `open(root, site)`, and returns what ends it; that returns false to stay.
 */
export const ROUTES = [
  { path: "", text: texts.pages.live, load: async () => (await import("../live/live.js")).open },
  { path: "history", text: texts.pages.history, load: async () => (await import("../history/history.js")).open },
  { path: "screens", text: texts.pages.screens, admin: true, load: async () => (await import("../screens/screens.js")).open },
  { path: "setup", text: texts.pages.setup, admin: true, load: async () => (await import("../setup/setup.js")).setup },
];
