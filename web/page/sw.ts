/**
 * The service worker: keeps the page for times without a network, and adds the headers with which browsers give
 * WebAssembly threads, where the server does not.
 */

declare const self: ServiceWorkerGlobalScope;
// Written by the Python package: the files of a first visit, and headers.
declare const SITE: { digest: string; first: string[]; files: string[]; headers: Record<string, string> };

const NAME = `crowdmask-${SITE.digest}`;
const at = (path: string) => new URL(path, self.registration.scope).href;

self.addEventListener("install", (event) => {
  // What the page has just loaded comes from the browser's own cache.
  event.waitUntil(
    caches
      .open(NAME)
      .then((cache) => cache.addAll(SITE.first.map(at)))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => names.filter((name) => name.startsWith("crowdmask-") && name !== NAME))
      .then((names) => Promise.all(names.map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const known = new Set(SITE.files.map(at));
  const address = request.url.replace(/[?#].*$/, "").replace(/index\.html$/, "");
  if (request.method === "GET" && known.has(address)) event.respondWith(answer(address));
});

async function answer(address: string): Promise<Response> {
  const cache = await caches.open(NAME);
  let found = await cache.match(address);
  if (!found) {
    found = await fetch(address);
    if (found.ok) await cache.put(address, found.clone());
  }
  const headers = new Headers(found.headers);
  for (const [name, value] of Object.entries(SITE.headers)) headers.set(name, value);
  return new Response(found.body, { status: found.status, statusText: found.statusText, headers });
}

export {};
