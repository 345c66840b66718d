/**
 * Reads `Module.symvers`: which symbols the kernel and its modules export, with their checksums. The lookup decides with
 * it what ordinary module loading resolves.
 */
import { fail } from '../diagnostics/catalogue.js';

export interface ExportedSymbol {
  readonly name: string;
  /** The checksum of the symbol's type (`CONFIG_MODVERSIONS`), 0 without. */
  readonly crc: number;
  /** As the file has it: `vmlinux`, `drivers/infiniband/core/ib_core`, `/src/ib_mad/ib_mad`. */
  readonly module: string;
  /** The module as the running kernel names it: `vmlinux`, `ib_core`, `snd_hda_intel`. */
  readonly moduleName: string;
  /** `''` where the symbol is in no namespace. */
  readonly namespace: string;
  /** `EXPORT_SYMBOL`, `EXPORT_SYMBOL_GPL`, … */
  readonly exportType: string;
}

/**
 * Reads the text of a `Module.symvers`. Kernels have written three orders of columns, separated by tabs:
 *
 * 1. checksum, symbol, module, type: before 5.4;
 * 2. checksum, symbol, namespace, module, type: since symbol namespaces, commit cb9b55d21fe0 (in v5.4);
 * 3. checksum, symbol, module, type, namespace: since commit 5190044c2965 (in v5.6).
 *
 * Which one a line has is seen from where the type stands, since distributions carry either change back.
 * Throws `symvers-malformed` with the line number.
 */
export function parseSymvers(text: string, fileName: string): ExportedSymbol[] {
  const symbols: ExportedSymbol[] = [];
  const modules = new Map<string, string>();
  let line = 0;
  // Tabs are looked for in the whole text: with 25,000 lines, cutting each one into an array takes three times as long.
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    line += 1;
    if (end > start) {
      const symbol = parseLine(text, start, end, modules);
      if (symbol === undefined) fail('symvers-malformed', { file: fileName, line, content: text.slice(start, end) });
      symbols.push(symbol);
    }
    start = end + 1;
  }
  return symbols;
}

/** The entry between `start` and `end`; `modules` keeps the running name of every module met so far. */
function parseLine(text: string, start: number, end: number, modules: Map<string, string>): ExportedSymbol | undefined {
  const nextTab = (from: number) => {
    const tab = text.indexOf('\t', from + 1);
    return tab === -1 || tab > end ? end : tab;
  };
  const second = nextTab(start);
  const third = nextTab(second);
  const fourth = nextTab(third);
  const fifth = nextTab(fourth);
  const sixth = nextTab(fifth);
  const crc = readChecksum(text, start, second);
  const isTypeFourth = fourth < end && isExportType(text, fourth);
  if (crc === undefined || third - second < 2) return undefined;
  if (!isTypeFourth && !(fifth < end && isExportType(text, fifth))) return undefined;
  const module = isTypeFourth ? text.slice(third + 1, fourth) : text.slice(fourth + 1, fifth);
  if (module === '') return undefined;
  let moduleName = modules.get(module);
  if (moduleName === undefined) {
    moduleName = runningName(module);
    modules.set(module, moduleName);
  }
  return {
    name: text.slice(second + 1, third),
    crc,
    module,
    moduleName,
    namespace: (isTypeFourth ? text.slice(fifth + 1, sixth) : text.slice(third + 1, fourth)).trim(),
    exportType: isTypeFourth ? text.slice(fourth + 1, fifth) : text.slice(fifth + 1, sixth),
  };
}

/** modpost writes types that begin so, and `(unknown)` for what it cannot tell (scripts/mod/modpost.c, export_str). */
const isExportType = (text: string, tab: number) =>
  text.startsWith('EXPORT_', tab + 1) || text.startsWith('(unknown)', tab + 1);

/** `0x4c9d28b0`, from `start` to `end`. */
function readChecksum(text: string, start: number, end: number): number | undefined {
  const digits = text.slice(start, end);
  return /^0x[0-9a-fA-F]{1,8}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

/** `sound/pci/hda/snd-hda-intel` runs as `snd_hda_intel`: kbuild replaces `-` and `,` (scripts/Makefile.lib, name-fix). */
function runningName(module: string): string {
  const base = module.slice(module.lastIndexOf('/') + 1).replace(/\.k?o$/, '');
  return base.replaceAll(/[-,]/g, '_');
}
