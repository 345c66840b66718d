/**
 * What binutils' readelf finds in a file, and what kptool found in it, in the same words: an opinion from outside on
 * reader and writer.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import type { ElfObject } from '../../src/elf/object.js';

export interface Facts {
  /** `name size alignment`, without symbol, string and relocation tables */
  readonly sections: readonly string[];
  /** `index value size name`; section symbols have no name here */
  readonly symbols: readonly string[];
  /** `offset info addend`, in hexadecimal, under the name of their table */
  readonly relocations: readonly string[];
}

export function hasProgram(name: string): boolean {
  return spawnSync(name, ['--version']).status === 0;
}

/** All that `readelf -a` prints about `path`. Throws if it warns or fails. */
export function readelfAll(path: string): string {
  const { stdout, stderr, status } = spawnSync('readelf', ['-aW', path], { encoding: 'utf8', maxBuffer: 2 ** 29 });
  if (status !== 0 || stderr !== '') throw new Error(`readelf -aW ${path}: status ${status}\n${stderr}`);
  return stdout;
}

const SECTION =
  /^ {2}\[ *\d+\] (.*?) +(SYMTAB SECTION INDICES|[A-Z][\w+]*) +[0-9a-f]{16} [0-9a-f]{6,} ([0-9a-f]{6,}) [0-9a-f]{2,} [ A-Za-z]+ +\d+ +\d+ +(\d+)$/;
const SYMBOL = /^ +(\d+): ([0-9a-f]{16}) +(\w+) (\S+) +\S+ +\S+ +(?:\[.*?\] +)?\S+ ?(.*)$/;
const TABLE = /^Relocation section '(.*)' at offset/;
const RELOCATION = /^([0-9a-f]{16}) +([0-9a-f]{16}) \S+ .*?(?:([+-]) )?([0-9a-f]+)$/;

/** What readelf says of the sections, symbols and relocations of `path`. */
export function readelfFacts(path: string): Facts {
  const lines = execFileSync('readelf', ['-SsrW', path], { encoding: 'utf8', maxBuffer: 2 ** 29 }).split('\n');
  const facts = { sections: [] as string[], symbols: [] as string[], relocations: [] as string[] };
  for (const line of lines) {
    const [, name, type, size = '', alignment] = SECTION.exec(line) ?? [];
    if (type !== undefined && !/^(NULL|SYMTAB.*|STRTAB|RELA)$/.test(type)) {
      facts.sections.push(`${name} ${type === 'GROUP' ? 'group' : Number.parseInt(size, 16)} ${alignment}`);
    }
    const [, index, value, symbolSize, symbolType, symbolName] = SYMBOL.exec(line) ?? [];
    if (index !== undefined && index !== '0') {
      const shown = symbolType === 'SECTION' ? '' : symbolName;
      facts.symbols.push(`${index} ${value} ${Number(symbolSize)} ${shown}`);
    }
    const [, table] = TABLE.exec(line) ?? [];
    if (table !== undefined) facts.relocations.push(table);
    const [, offset, info, sign = '+', addend] = RELOCATION.exec(line) ?? [];
    if (offset !== undefined) facts.relocations.push(`${offset} ${info} ${addend === '0' ? '+' : sign}${addend}`);
  }
  return facts;
}

/** Labels such as `1:` are called `.L1\x02` and a number by the assembler; readelf shows the control character as `^B`. */
function shownName(name: string): string {
  return Array.from(name, (letter) =>
    letter < ' ' ? `^${String.fromCharCode(letter.charCodeAt(0) + 0x40)}` : letter,
  ).join('');
}

/** What kptool read, as `readelfFacts` says it. Symbols must be in the order of the file. */
export function factsOf(object: ElfObject): Facts {
  const indices = new Map(object.symbols.map((symbol, position) => [symbol, position + 1]));
  const hex = (value: number, digits: number) => BigInt.asUintN(64, BigInt(value)).toString(16).padStart(digits, '0');
  return {
    sections: object.sections.map(
      ({ name, size, group, alignment }) => `${name} ${group === undefined ? size : 'group'} ${alignment}`,
    ),
    symbols: object.symbols.map(
      ({ name, value, size }, position) => `${position + 1} ${hex(value, 16)} ${size} ${shownName(name)}`,
    ),
    relocations: object.sections
      .filter(({ relocations }) => relocations.length > 0)
      .flatMap((section) => [
        `.rela${section.name}`,
        ...section.relocations.map(({ offset, type, symbol, addend }) => {
          const info = hex(indices.get(symbol) ?? 0, 8) + hex(type, 8);
          return `${hex(offset, 16)} ${info} ${addend < 0 ? '-' : '+'}${Math.abs(addend).toString(16)}`;
        }),
      ]),
  };
}
