/** What the build makes of a module of WebAssembly's text format: its bytes. */
declare module "*.wat" {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
