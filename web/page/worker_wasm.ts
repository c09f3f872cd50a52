import * as runtime from "onnxruntime-web/wasm";

import { serve } from "./worker.ts";

serve(runtime, "ort-wasm-simd-threaded");
