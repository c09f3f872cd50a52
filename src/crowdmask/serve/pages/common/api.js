import { texts } from "../texts.en.js";

/** Where the service is; it may stand below a path of a proxy. */
export const ROOT = new URL("../../", import.meta.url);

/** What the service, or the way to it, says against a request; status 0: it was not reached. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const session = { csrf: "", token: "", ended: () => {} };

/** Tell what goes with each request, and what to do when the session has ended. */
export function useSession(values) {
  Object.assign(session, values);
}

/** Return the address of a resource; parameters that are null or empty are left out. */
export function address(path, params = {}) {
  const url = new URL(path, ROOT);
  for (const [key, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(key, value);
  }
  return url;
}

/** Ask for a resource, and return its answer where all went well. */
async function raw(method, path, { params = {}, body, headers = {}, signal } = {}) {
  const all = { Accept: "application/json", ...headers };
  if (session.token) all.Authorization = `Bearer ${session.token}`;
  if (method !== "GET") all["X-CSRF-Token"] = session.csrf;
  if (body !== undefined) all["Content-Type"] ??= "application/json";
  let answer;
  try {
    const sent = body === undefined || body instanceof Blob ? body : JSON.stringify(body);
    answer = await fetch(address(path, params), { method, headers: all, body: sent, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, texts.lost);
  }
  if (answer.ok) return answer;
  if (answer.status === 401 && path !== "v1/login") session.ended();
  const said = await answer.json().catch(() => null);
  throw new ApiError(answer.status, said?.error ?? texts.failed(answer.status));
}

/** Ask for JSON; null where there is none. A path begins without a slash: "v1/cameras". */
export async function api(method, path, body, options = {}) {
  const answer = await raw(method, path, { ...options, body });
  return answer.status === 204 ? null : answer.json().catch(() => null);
}
api.raw = raw;

/** Ask for JSON with parameters. */
api.get = (path, params, options = {}) => api("GET", path, undefined, { ...options, params });
