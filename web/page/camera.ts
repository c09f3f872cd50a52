/** The camera, live: the frames that were looked at, with boxes, counts and frames per second. */

import { display_name } from "../src/index.ts";
import { complain, element, say } from "./dom.ts";
import { blur_faces, BLUR_CONFIDENCE, draw_faces } from "./drawing.ts";
import type { Engine, Seen } from "./engine.ts";
import type { Settings } from "./settings.ts";
import { camera_problem, NO_CAMERA_HERE, words_of } from "./words.ts";

/** Frames over which the rate is a mean. */
const SPAN = 20;

/** Shows the camera. */
export class Camera {
  private readonly button = element<HTMLButtonElement>("camera");
  private readonly video = element<HTMLVideoElement>("video");
  private readonly canvas = element<HTMLCanvasElement>("frame");
  private stream: MediaStream | null = null;
  private times: number[] = [];

  /**
   * @param engine gives the present engine.
   * @param keep takes a picture that the user keeps.
   */
  constructor(
    private readonly engine: () => Engine,
    private readonly settings: Settings,
    keep: (file: Blob, name: string) => void,
  ) {
    this.button.addEventListener("click", () => (this.stream ? this.stop() : void this.start()));
    element("keep").addEventListener("click", () => void this.keep(keep));
  }

  private async start(): Promise<void> {
    if (!navigator.mediaDevices?.getUserMedia) return complain(NO_CAMERA_HERE);
    try {
      const wanted = { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "user" };
      this.stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
      this.video.srcObject = this.stream;
      await this.video.play();
    } catch (error) {
      this.stop();
      return complain(camera_problem(error));
    }
    this.stream.getVideoTracks()[0].addEventListener("ended", () => {
      this.stop();
      complain("The camera was disconnected: connect it and start it again.");
    });
    this.button.textContent = "Stop the camera";
    this.button.setAttribute("aria-pressed", "true");
    element("live").hidden = false;
    say("The camera is on. Its pictures stay on this device.");
    await this.run(this.stream);
  }

  /** Give the camera back. */
  stop(): void {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
    this.times = [];
    this.button.textContent = "Start the camera";
    this.button.setAttribute("aria-pressed", "false");
    element("live").hidden = true;
    say("The camera is off.");
  }

  private async run(stream: MediaStream): Promise<void> {
    try {
      while (this.stream === stream) {
        await next_frame(this.video);
        if (this.stream !== stream || !this.video.videoWidth) continue;
        const engine = this.engine();
        const { threshold } = await engine.load();
        const frame = await createImageBitmap(this.video);
        // One look: a second, enlarged one would halve the rate.
        const seen = await engine.detect(frame, { ...this.settings.options, closer_look: false });
        try {
          if (this.stream === stream) this.show(seen, threshold);
        } finally {
          seen.picture?.close();
        }
      }
    } catch (error) {
      if (this.stream !== stream) return;
      this.stop();
      complain(words_of(error));
    }
  }

  private show(seen: Seen, threshold: readonly number[]): void {
    const { candidates, picture, width, height } = seen;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      [this.canvas.width, this.canvas.height] = [width, height];
    }
    const pen = this.canvas.getContext("2d", { willReadFrequently: true })!;
    if (picture) pen.drawImage(picture, 0, 0);
    const faces = this.settings.shown(candidates, threshold);
    if (this.settings.blur) blur_faces(pen, candidates.reaching(threshold.map(() => BLUR_CONFIDENCE)), 1);
    draw_faces(pen, faces, 1);
    this.times.push(performance.now());
    if (this.times.length > SPAN) this.times.shift();
    const span = (this.times[this.times.length - 1] - this.times[0]) / 1000;
    const rate = span ? `${((this.times.length - 1) / span).toFixed(1)} frames per second` : "";
    const counts = Object.entries(faces.counts()).map(([label, n]) => `${display_name(label)}: ${n}`);
    element("live-counts").textContent = [...counts, rate].filter(Boolean).join(" · ");
  }

  private async keep(keep: (file: Blob, name: string) => void): Promise<void> {
    if (!this.video.videoWidth) return;
    const canvas = new OffscreenCanvas(this.video.videoWidth, this.video.videoHeight);
    canvas.getContext("2d")!.drawImage(this.video, 0, 0);
    const time = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
    const picture = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
    keep(picture, `camera-${time}.jpg`);
  }
}

/** Wait for the camera's next frame; where the page is hidden, none comes. */
function next_frame(video: HTMLVideoElement): Promise<void> {
  return new Promise((done) => {
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(() => done());
    else requestAnimationFrame(() => done());
  });
}
