/**
 * Lets int8 networks add in WebAssembly as they do in the Python program.
 *
 * ONNX Runtime adds two quantized tensors by one formula in WebAssembly and by another one on x86. Of the 65,536 pairs of
 * bytes, one or two of an addition are so near the middle between two results that one formula rounds up and the other
 * one down. Each such difference changes others in the layers behind, and in the end 6 of 100 faces. Such additions are
 * replaced by operators that compute x86's formula.
 */

import { field, fields, joined, replaced, varint_field } from "./protobuf.ts";

/** How bytes stand for numbers: scale * (byte - zero point). */
export interface Quantization {
  readonly scale: number;
  readonly zero: number;
}

/** An addition: two terms and their sum. */
export interface Addition {
  readonly a: Quantization;
  readonly b: Quantization;
  readonly sum: Quantization;
}

interface Node {
  readonly kind: string;
  readonly inputs: string[];
  readonly output: string;
}

// Fields of ONNX's messages.
const GRAPH = 7;
const [NODE, CONSTANT] = [1, 5];
const [INPUT, OUTPUT, NODE_NAME, KIND, ATTRIBUTE] = [1, 2, 3, 4, 5];
const [TYPE, FLOATS, INTEGERS, NAME, RAW] = [2, 4, 5, 8, 9];
// ONNX's numbers of types.
const [FLOAT, BYTE, DOUBLE] = [1, 2, 11];

const BYTES = 256;
/** Results that are so near the middle between two bytes may differ by formula. */
const NEAR = 0.002;

/** Return an ONNX file whose quantized additions give the same in WebAssembly as the given file's on x86. */
export function with_alike_sums(file: Uint8Array): Uint8Array {
  return replaced(file, GRAPH, (graph) => {
    const constants = read_constants(graph);
    const nodes = Array.from(graph_nodes(graph));
    const makers = new Map(nodes.map((node) => [node.output, node]));
    const takers = new Map<string, Node[]>();
    for (const node of nodes) for (const input of node.inputs) takers.set(input, [...(takers.get(input) ?? []), node]);
    /** By the output of the node whose place they take; null: it goes. */
    const others = new Map<string, Uint8Array | null>();
    const added: Uint8Array[] = [];
    for (const node of nodes) {
      const addition = read_addition(node, makers, takers, constants);
      if (!addition || is_alike(addition)) continue;
      const [a, b] = node.inputs.map((input) => makers.get(input)!.inputs[0]);
      const { output } = takers.get(node.output)![0];
      const [chain, numbers] = as_on_x86(addition, a, b, output);
      others.set(output, chain).set(node.output, null);
      for (const input of node.inputs) if (takers.get(input)!.length === 1) others.set(input, null);
      added.push(numbers);
    }
    if (!others.size) return graph;
    const kept: Uint8Array[] = [];
    for (const [number, bytes, begin, end] of fields(graph)) {
      const other = number === NODE && bytes ? others.get(read_node(bytes).output) : undefined;
      if (other === undefined) kept.push(graph.subarray(begin, end));
      else if (other) kept.push(other);
    }
    return joined([...kept, ...added]);
  });
}

/** Return whether both formulas give the same byte for all pairs. */
export function is_alike(addition: Addition): boolean {
  const { a, b, sum } = addition;
  for (let first = 0; first < BYTES; first++) {
    const part = (a.scale * (first - a.zero)) / sum.scale + sum.zero;
    for (let second = 0; second < BYTES; second++) {
      const exact = part + (b.scale * (second - b.zero)) / sum.scale;
      if (Math.abs(exact - Math.floor(exact) - 0.5) > NEAR) continue;
      if (sum_on_x86(addition, first, second) !== sum_in_wasm(addition, first, second)) return false;
    }
  }
  return true;
}

/** The numbers of x86's formula. */
function factors({ a, b, sum }: Addition): { forA: number; forB: number; fixed: number } {
  const f = Math.fround;
  const [forA, forB] = [f(a.scale / sum.scale), f(b.scale / sum.scale)];
  return { forA, forB, fixed: f(sum.zero - f(forA * a.zero + f(forB * b.zero))) };
}

/** Return the byte of a sum as ONNX Runtime computes it on x86: a product is rounded together with its addition. */
export function sum_on_x86(addition: Addition, first: number, second: number): number {
  const { forA, forB, fixed } = factors(addition);
  // Products of a 32-bit float and a byte are exact in 64 bits.
  return to_byte(Math.fround(forA * first + Math.fround(forB * second + fixed)));
}

/** Return the byte of a sum as ONNX Runtime computes it in WebAssembly: each step is rounded. */
export function sum_in_wasm({ a, b, sum }: Addition, first: number, second: number): number {
  const f = Math.fround;
  const both = f(f(a.scale * (first - a.zero)) + f(b.scale * (second - b.zero)));
  return to_byte(f(f(both / sum.scale) + sum.zero));
}

/**
 * Return nodes that compute `sum_on_x86`, and their constants.
 *
 * @param a name of the first term's bytes.
 * @param b name of the second term's bytes.
 * @param output name of the sum's bytes.
 */
function as_on_x86(addition: Addition, a: string, b: string, output: string): [nodes: Uint8Array, constants: Uint8Array] {
  const { forA, forB, fixed } = factors(addition);
  const name = (part: string | number) => `${output}/${part}`;
  const nodes: Uint8Array[] = [];
  const then = (kind: string, inputs: string[], to?: number, last = false) => {
    const made = last ? output : name(nodes.length);
    nodes.push(field(NODE, node_bytes(kind, inputs, made, to)));
    return made;
  };
  const cast = (input: string, to: number, last = false) => then("Cast", [input], to, last);
  const second = then("Add", [then("Mul", [cast(b, DOUBLE), name("b")]), name("fixed")]);
  const first = then("Mul", [cast(a, DOUBLE), name("a")]);
  const both = cast(then("Add", [first, cast(cast(second, FLOAT), DOUBLE)]), FLOAT);
  cast(then("Clip", [then("Round", [both]), name("least"), name("most")]), BYTE, true);
  const doubles = Object.entries({ a: forA, b: forB, fixed }).map(([part, value]) =>
    constant(name(part), DOUBLE, new Float64Array([value])),
  );
  const floats = Object.entries({ least: 0, most: BYTES - 1 }).map(([part, value]) =>
    constant(name(part), FLOAT, new Float32Array([value])),
  );
  return [joined(nodes), joined([...doubles, ...floats])];
}

/** Round halves to the even number, and clip. */
function to_byte(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  const nearest = rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
  return Math.min(BYTES - 1, Math.max(0, nearest));
}

/** Return what an Add node adds, where all three tensors are bytes. */
function read_addition(
  node: Node,
  makers: Map<string, Node>,
  takers: Map<string, Node[]>,
  constants: Map<string, number>,
): Addition | null {
  if (node.kind !== "Add") return null;
  const following = takers.get(node.output) ?? [];
  const around = [...node.inputs.map((input) => makers.get(input)), following.length === 1 ? following[0] : undefined];
  const kinds = ["DequantizeLinear", "DequantizeLinear", "QuantizeLinear"];
  if (around.some((each, i) => each?.kind !== kinds[i])) return null;
  const read = around.map((each) => ({ scale: constants.get(each!.inputs[1]), zero: constants.get(each!.inputs[2]) }));
  if (read.some(({ scale, zero }) => scale === undefined || zero === undefined || !(scale > 0))) return null;
  const [a, b, sum] = read as Quantization[];
  return { a, b, sum };
}

function* graph_nodes(graph: Uint8Array): Generator<Node> {
  for (const [number, bytes] of fields(graph)) if (number === NODE && bytes) yield read_node(bytes);
}

function read_node(bytes: Uint8Array): Node {
  const inputs: string[] = [];
  let [kind, output] = ["", ""];
  for (const [number, content] of fields(bytes)) {
    if (!content || number > KIND || number === NODE_NAME) continue;
    const text = new TextDecoder().decode(content);
    if (number === INPUT) inputs.push(text);
    else if (number === OUTPUT) output ||= text;
    else if (number === KIND) kind = text;
  }
  return { kind, inputs, output };
}

/** Return the constants that are one 32-bit float or one byte. */
function read_constants(graph: Uint8Array): Map<string, number> {
  const found = new Map<string, number>();
  for (const [number, bytes] of fields(graph)) {
    if (number !== CONSTANT || !bytes) continue;
    const parts: Record<number, Uint8Array> = {};
    for (const [part, content] of fields(bytes)) if (content) parts[part] = content;
    const name = new TextDecoder().decode(parts[NAME] ?? new Uint8Array());
    const floats = parts[FLOATS] ?? parts[RAW];
    const integers = parts[INTEGERS] ?? parts[RAW];
    if (floats?.length === 4) found.set(name, new DataView(floats.buffer, floats.byteOffset).getFloat32(0, true));
    else if (integers && integers.length <= 2) found.set(name, byte_of(integers, integers === parts[RAW]));
  }
  return found;
}

/** Return a byte that is stored as itself or as a number of 7 bits a byte. */
function byte_of(bytes: Uint8Array, raw: boolean): number {
  return raw || bytes.length < 2 ? bytes[0] : (bytes[0] & 127) + 128 * bytes[1];
}

function node_bytes(kind: string, inputs: string[], output: string, to?: number): Uint8Array {
  const text = (number: number, value: string) => field(number, new TextEncoder().encode(value));
  const parts = [...inputs.map((input) => text(INPUT, input)), text(OUTPUT, output), text(NODE_NAME, output), text(KIND, kind)];
  // The attribute's name, its value, and that it is a whole number.
  if (to !== undefined) parts.push(field(ATTRIBUTE, joined([text(1, "to"), varint_field(3, to), varint_field(20, 2)])));
  return joined(parts);
}

/** Return a tensor that is one number, as a field of the graph. */
function constant(name: string, type: number, value: Float32Array | Float64Array): Uint8Array {
  const raw = new Uint8Array(value.buffer);
  return field(CONSTANT, joined([varint_field(TYPE, type), field(NAME, new TextEncoder().encode(name)), field(RAW, raw)]));
}
