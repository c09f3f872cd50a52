import * as runtime from "onnxruntime-web/webgpu";

import { serve } from "./worker.ts";

serve(runtime, "webgpu/ort-wasm-simd-threaded.asyncify");
