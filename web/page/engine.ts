/** The detector as the page sees it: a worker that loads one model, and can be ended to give memory back. */

import { Detections, type Device, type Options } from "../src/index.ts";
import type { Found, Loaded, Reply, Request, Site, SiteModel } from "./messages.ts";
import { FAILED_WORKER, NOT_LOADED, Problem } from "./words.ts";

/** After this time without a photo its memory is given back, milliseconds. */
const REST_MS = 30_000;

/** Candidates reach down to this, so that the slider needs no new run. */
export const FLOOR = 0.05;

/** The faces of one picture, down to `FLOOR`. */
export interface Seen {
  width: number;
  height: number;
  candidates: Detections;
  milliseconds: number;
  picture: ImageBitmap | null;
}

interface Waiting {
  resolve(value: any): void;
  reject(error: Error): void;
}

/** How the network is computed here. */
export interface Way {
  device: Device;
  threads: number;
}

/** A graphics card as WebGPU shows it; older browsers have no `info`. */
interface Adapter {
  info?: { isFallbackAdapter?: boolean };
  isFallbackAdapter?: boolean;
}

/** Return the best way of this browser, of those that the site has. */
export async function best_way(site: Site): Promise<Way> {
  const threads = globalThis.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency || 1) : 1;
  const gpu = (navigator as { gpu?: { requestAdapter(): Promise<Adapter | null> } }).gpu;
  if (site.webgpu && gpu) {
    const adapter = await gpu.requestAdapter().catch(() => null);
    // Where there is no graphics card, some browsers imitate one, far slower than WebAssembly is.
    const imitated = adapter?.info?.isFallbackAdapter ?? adapter?.isFallbackAdapter;
    if (adapter && !imitated) return { device: "webgpu", threads };
  }
  return { device: "wasm", threads };
}

/** A model in a worker. */
export class Engine {
  private worker: Worker | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private number = 0;
  private loading: Promise<Loaded> | null = null;
  private resting: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly model: SiteModel,
    readonly way: Way,
  ) {}

  /** Load the model, once. */
  load(): Promise<Loaded> {
    this.loading ??= this.begin().catch((error: Error) => {
      this.end();
      if (error instanceof Problem) throw error;
      throw new Problem(NOT_LOADED(this.model.name, error.message));
    });
    return this.loading;
  }

  /** Find the faces of a photo's file, or of a bitmap, which is given back with them. */
  async detect(picture: Blob | ImageBitmap, options: Options): Promise<Seen> {
    await this.load();
    const transfer = picture instanceof ImageBitmap ? [picture] : [];
    const found: Found = await this.ask({ kind: "detect", picture, options, floor: FLOOR } as Request, transfer);
    const { xyxy, confidence, class_id, names } = found.candidates;
    return { ...found, candidates: new Detections(xyxy, confidence, class_id, names) };
  }

  /** End soon, if nothing is asked until then: loading again would make the next photos slow. */
  rest(): void {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.end(), REST_MS);
  }

  /** End the worker, which gives its memory back; it starts again when it is needed. */
  end(): void {
    clearTimeout(this.resting);
    this.worker?.terminate();
    this.worker = null;
    this.loading = null;
    for (const each of this.waiting.values()) each.reject(new Problem(FAILED_WORKER));
    this.waiting.clear();
  }

  private async begin(): Promise<Loaded> {
    const base = new URL(".", document.baseURI).href;
    // A worker made of the text has the page's own security policy; one made of the address would have none.
    const script = await fetch(new URL(this.way.device === "webgpu" ? "webgpu/worker.js" : "worker.js", base));
    if (!script.ok) throw new Error(`the server answers ${script.status}`);
    const address = URL.createObjectURL(new Blob([await script.text()], { type: "text/javascript" }));
    this.worker = new Worker(address, { type: "module" });
    this.worker.onmessage = ({ data }: MessageEvent<Reply>) => this.settle(data);
    this.worker.onerror = () => this.end();
    try {
      return await this.ask<Loaded>({ kind: "load", base, model: this.model, ...this.way } as Request);
    } finally {
      URL.revokeObjectURL(address);
    }
  }

  private ask<T>(request: Request, transfer: Transferable[] = []): Promise<T> {
    clearTimeout(this.resting);
    return new Promise((resolve, reject) => {
      request.id = ++this.number;
      this.waiting.set(request.id, { resolve, reject });
      this.worker!.postMessage(request, transfer);
    });
  }

  private settle(reply: Reply): void {
    const waiting = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    if ("value" in reply) waiting?.resolve(reply.value);
    else waiting?.reject(reply.isPicture ? new Problem(reply.error) : new Error(reply.error));
  }
}
