/**
 * What a module exports, read from its own file: names, checksums, namespaces. The module as it runs says so more surely
 * than any `Module.symvers` that lies about. The pipeline joins it with what the kernel and other trees export.
 */
import { ByteReader } from '../elf/bytes.js';
import type { ElfImage, ImageSymbol } from '../elf/image.js';
import type { ModuleFile } from './module-file.js';
import type { ExportedSymbol } from './symvers.js';

/** Everything that the module exports, with checksum 0 where it has none; `module` is its running name. */
export function exportedSymbols({ name: module, exports, image }: ModuleFile): ExportedSymbol[] {
  const checksums = checksumsOf(image);
  const entries = symbolsByPrefix(image, '__ksymtab_');
  const namespaces = symbolsByPrefix(image, '__kstrtabns_');
  return [...exports].map((name) => ({
    name,
    crc: checksums.get(name) ?? 0,
    module,
    moduleName: module,
    namespace: textAt(namespaces.get(name)),
    exportType: isForAll(entries.get(name)) ? 'EXPORT_SYMBOL' : 'EXPORT_SYMBOL_GPL',
  }));
}

/**
 * The checksums that an object or module holds for its exports, by symbol. `__crc_NAME` is a number of its own in old
 * kernels; since relative checksums (commit 56067812d5b0, in v4.11), and again in modules since commit 7b4537199a4a (in v5.19), it
 * marks the place of one, of 4 bytes.
 */
export function checksumsOf(image: ElfImage): Map<string, number> {
  const checksums = new Map<string, number>();
  for (const [name, symbol] of symbolsByPrefix(image, '__crc_')) {
    const checksum = checksumAt(symbol, image);
    if (checksum !== undefined) checksums.set(name, checksum);
  }
  return checksums;
}

function checksumAt({ section, value }: ImageSymbol, { fileName, format }: ElfImage): number | undefined {
  if (section === 'absolute') return Number(value & 0xffffffffn);
  if (typeof section === 'string') return undefined;
  const reader = new ByteReader(section.content(), fileName, section.name, format.byteOrder);
  return Number(value) + 4 <= reader.length ? reader.u32(Number(value)) : undefined;
}

function symbolsByPrefix({ symbols }: ElfImage, prefix: string): Map<string, ImageSymbol> {
  const found = symbols.filter(({ name }) => name.startsWith(prefix));
  return new Map(found.map((symbol) => [symbol.name.slice(prefix.length), symbol]));
}

/** The text, ended by a zero byte, that a symbol marks; `''` where there is none. */
function textAt(symbol: ImageSymbol | undefined): string {
  if (symbol === undefined || typeof symbol.section === 'string') return '';
  const [text = ''] = Buffer.from(symbol.section.content().subarray(Number(symbol.value)))
    .toString('utf8')
    .split('\0', 1);
  return text;
}

/** `EXPORT_SYMBOL` puts the entry into `__ksymtab`, `EXPORT_SYMBOL_GPL` into `__ksymtab_gpl`. */
function isForAll(entry: ImageSymbol | undefined): boolean {
  return entry !== undefined && typeof entry.section !== 'string' && !entry.section.name.includes('_gpl');
}
