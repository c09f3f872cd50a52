/** Saves files to the user's disk; nothing is sent. */

/** Offer a file for saving. */
export function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Return names of which none is there twice: "a.jpg", "a-2.jpg". */
export function different(names: readonly string[]): string[] {
  const used = new Set<string>();
  return names.map((name) => {
    const [, stem, suffix] = /^(.*?)(\.[^.]*)?$/.exec(name)!;
    let free = name;
    for (let number = 2; used.has(free.toLowerCase()); number++) free = `${stem}-${number}${suffix ?? ""}`;
    used.add(free.toLowerCase());
    return free;
  });
}

/** Pack files into a zip archive without compression, which pictures do not need. */
export async function zip(files: readonly { name: string; content: Blob }[]): Promise<Blob> {
  const parts: BlobPart[] = [];
  const directory: Uint8Array<ArrayBuffer>[] = [];
  let offset = 0;
  for (const { name, content } of files) {
    const bytes = new Uint8Array(await content.arrayBuffer());
    const label = new TextEncoder().encode(name);
    // Version, flags (names are UTF-8), method, time and date, checksum, sizes, length of the name.
    const shared = [[20, 2], [0x800, 2], [0, 2], [0, 2], [0x21, 2], [crc32(bytes), 4], [bytes.length, 4], [bytes.length, 4], [label.length, 2], [0, 2]];
    const head = numbers([[0x04034b50, 4], ...shared]);
    directory.push(numbers([[0x02014b50, 4], [20, 2], ...shared, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]]), label);
    parts.push(head, label, content);
    offset += head.length + label.length + bytes.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const count = files.length;
  const end = numbers([[0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [size, 4], [offset, 4], [0, 2]]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

function numbers(values: number[][]): Uint8Array<ArrayBuffer> {
  const bytes = values.flatMap(([value, length]) => Array.from({ length }, (_, i) => Math.floor(value / 256 ** i) % 256));
  return Uint8Array.from(bytes);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, start) => {
  let value = start;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** Return the checksum of a zip archive's member. */
export function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
