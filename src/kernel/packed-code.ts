/**
 * Pieces of a kernel's code in one file: a line that says where each lies, and the bytes one piece behind the other. kptool's
 * own form, for its cache and for bundles.
 */

/** A stretch of the kernel that lies at one address. */
export interface CodePiece {
  readonly address: bigint;
  readonly content: Uint8Array;
}

/** Where the bytes of a piece are in the packed form. */
export interface CodePlace {
  readonly address: bigint;
  /** Bytes from the start of the packed form. */
  readonly offset: number;
  readonly size: number;
}

const magic = 'kptool kernel code 1 ';
/** Bytes: enough for the pages of a bundle, each by itself. */
export const longestHeader = 1 << 20;

/** `machine` is `e_machine` of the kernel. */
export function packCode(machine: number, pieces: readonly CodePiece[]): Uint8Array {
  const places = pieces.map(({ address, content }) => [address.toString(16), content.length]);
  const header = `${magic}${JSON.stringify([machine, ...places])}\n`;
  return Buffer.concat([Buffer.from(header, 'latin1'), ...pieces.map(({ content }) => content)]);
}

/** Reads the line at the start of `bytes`; `undefined` where it is not as `packCode` writes it. */
export function readCodeHeader(bytes: Uint8Array): { machine: number; places: CodePlace[] } | undefined {
  const text = Buffer.from(bytes.subarray(0, longestHeader)).toString('latin1');
  const end = text.indexOf('\n');
  if (end === -1 || !text.startsWith(magic)) return undefined;
  const parsed = parseJson(text.slice(magic.length, end));
  if (!Array.isArray(parsed) || !isCount(parsed[0])) return undefined;
  const places: CodePlace[] = [];
  let offset = end + 1;
  for (const entry of parsed.slice(1) as unknown[]) {
    const [address, size] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof address !== 'string' || !/^[0-9a-f]{1,16}$/.test(address) || !isCount(size)) return undefined;
    places.push({ address: BigInt(`0x${address}`), offset, size });
    offset += size;
  }
  return { machine: parsed[0], places };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
