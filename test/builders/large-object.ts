/**
 * A large x86-64 object made in code, as `-ffunction-sections` and kernel flags give it, and the symbol table of the target
 * that links it: for measuring, and for tests that no pass is quadratic.
 */
import { SHF, SHT, STB, STT } from '../../src/elf/constants.js';
import type { ElfSection, ElfSymbol } from '../../src/elf/object.js';
import { writeElf } from '../../src/elf/write.js';
import { ObjectBuilder } from './elf.js';

const R_X86_64_PC32 = 2;
const R_X86_64_PLT32 = 4;
const R_X86_64_32S = 11;

/** struct bug_entry. */
const bugEntrySize = 12;

export interface LargeObjectOptions {
  /** How many functions; each has ten relocations. */
  readonly functions: number;
  /** The number whose function returns another constant, or all of them. */
  readonly changed?: number | 'all';
}

const call = [0xe8, 0, 0, 0, 0];
/** `incl counter(%rip)` */
const increment = [0xff, 0x05, 0, 0, 0, 0];
/** `mov $string,%rdi` */
const loadString = [0x48, 0xc7, 0xc7, 0, 0, 0, 0];

/** The bytes of the object: functions `function_N`, every tenth global, with static locals `count.N` and strings. */
export function largeObject({ functions, changed }: LargeObjectOptions): Uint8Array {
  const builder = new ObjectBuilder();
  builder.symbol({ name: 'large.c', place: 'absolute', type: STT.FILE });
  const pool = builder.section({
    name: '.rodata.str1.1',
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.MERGE | SHF.STRINGS,
    entrySize: 1,
    content: Buffer.from(Array.from({ length: functions }, (_, number) => text(number)).join('')),
  });
  const poolSymbol = builder.sectionSymbol(pool);
  const counters = Array.from({ length: functions }, (_, number) => staticLocal(builder, number));
  const [entry, outside] = [builder.undefinedSymbol('__fentry__'), builder.undefinedSymbol('print')];
  const functionSymbols = Array.from({ length: functions }, (_, number) =>
    addFunction(builder, number, changed === 'all' || number === changed),
  );
  functionSymbols.forEach(({ section }, number) => {
    const nearby = [7, 1, 2, 3, 4, 5].map((step) => functionSymbols[(number + step * step) % functions] ?? outside);
    const counter = counters[number] ?? outside;
    const offset = number * text(0).length;
    relocate(section, [entry, ...nearby, outside], { counter, poolSymbol, offset });
  });
  addBugTable(builder, functionSymbols);
  return writeElf(builder.build('large.o'));
}

/** As many bytes for every number. */
function text(number: number): string {
  return `string ${String(number).padStart(6, '0')}\0`;
}

function staticLocal(builder: ObjectBuilder, number: number): ElfSymbol {
  const name = `count.${number}`;
  const section = builder.section({
    name: `.bss.${name}`,
    type: SHT.NOBITS,
    flags: SHF.ALLOC | SHF.WRITE,
    alignment: 4,
    size: 4,
  });
  return builder.symbol({ name, place: section, size: 4, type: STT.OBJECT });
}

/** Eight calls, the first of `__fentry__`; a counter, a string, and what is returned. */
function addFunction(builder: ObjectBuilder, number: number, isChanged: boolean): ElfSymbol {
  const calls = Array.from({ length: 8 }, () => call).flat();
  const end = [0xb8, isChanged ? 2 : 1, 0, 0, 0, 0xc3];
  const bind = number % 10 === 0 ? STB.GLOBAL : STB.LOCAL;
  const symbol = builder.function(`function_${number}`, [...calls, ...increment, ...loadString, ...end], { bind });
  if (symbol.section !== undefined) builder.sectionSymbol(symbol.section);
  return symbol;
}

function relocate(
  section: ElfSection | undefined,
  callees: readonly ElfSymbol[],
  { counter, poolSymbol, offset }: { counter: ElfSymbol; poolSymbol: ElfSymbol; offset: number },
): void {
  const first = 1;
  callees.forEach((symbol, index) => {
    section?.relocations.push({ offset: first + index * call.length, type: R_X86_64_PLT32, symbol, addend: -4 });
  });
  const behind = callees.length * call.length;
  section?.relocations.push({ offset: behind + 2, type: R_X86_64_PC32, symbol: counter, addend: -4 });
  const string = behind + increment.length + 3;
  section?.relocations.push({ offset: string, type: R_X86_64_32S, symbol: poolSymbol, addend: offset });
}

/** An entry for every second function. */
function addBugTable(builder: ObjectBuilder, functions: readonly ElfSymbol[]): void {
  const warning = functions.filter((_, number) => number % 2 === 0);
  const table = builder.section({
    name: '__bug_table',
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.WRITE,
    content: new Uint8Array(warning.length * bugEntrySize),
  });
  table.relocations = warning.map((symbol, index) => {
    return { offset: index * bugEntrySize, type: R_X86_64_PC32, symbol, addend: 40 };
  });
}

/** What `readelf -s --wide` prints, row by row. */
class PrintedTable {
  readonly #rows: string[] = [];

  constructor() {
    this.add(0, 'NOTYPE', 'LOCAL ', 'UND', '');
  }

  get length(): number {
    return this.#rows.length;
  }

  add(size: number, type: string, bind: string, section: string, name: string): void {
    const number = this.#rows.length;
    const value = (0xffff_ffff_8100_0000n + BigInt(number) * 64n).toString(16);
    this.#rows.push(
      `${String(number).padStart(6)}: ${value} ${String(size).padStart(5)} ${type.padEnd(7)} ${bind} DEFAULT ${section} ${name}`,
    );
  }

  addFile(name: string): void {
    this.add(0, 'FILE', 'LOCAL ', 'ABS', name);
  }

  /** The static symbols of `largeObject`. */
  addStatics(functions: number): void {
    for (let index = 0; index < functions; index += 1) {
      if (index % 10 !== 0) this.add(59, 'FUNC', 'LOCAL ', '1', `function_${index}`);
      this.add(4, 'OBJECT', 'LOCAL ', '2', `count.${index}`);
    }
  }

  addGlobals(functions: number): void {
    for (let index = 0; index < functions; index += 10) this.add(59, 'FUNC', 'GLOBAL', '1', `function_${index}`);
  }

  toString(): string {
    const heading = `Symbol table '.symtab' contains ${this.#rows.length} entries:`;
    return `${['', heading, '   Num:    Value          Size Type    Bind   Vis      Ndx Name', ...this.#rows].join('\n')}\n`;
  }
}

/** The table of a kernel that links the object, with about `symbols` symbols in all. */
export function largeSymbolTable(functions: number, symbols: number): string {
  const table = new PrintedTable();
  table.addFile('large.c');
  table.addStatics(functions);
  for (let file = 0; table.length < symbols - functions / 10; file += 1) {
    table.addFile(`other-${file}.c`);
    for (let index = 0; index < 30; index += 1)
      table.add(80, 'FUNC', 'LOCAL ', '1', `helper_${(file * 30 + index) % 50_000}`);
  }
  table.addGlobals(functions);
  return table.toString();
}

/**
 * As `largeSymbolTable`, with one of the object's first functions (`ambiguous` of them) in every file besides, and without
 * anything that names files: only the surroundings tell the object's own from the others.
 */
export function symbolTableWithNamesakes(functions: number, symbols: number, ambiguous: number): string {
  const table = new PrintedTable();
  table.addStatics(functions);
  for (let file = 0; table.length < symbols - functions / 10; file += 1) {
    for (let index = 0; index < 30; index += 1) table.add(80, 'FUNC', 'LOCAL ', '1', `helper_${file}_${index}`);
    table.add(48, 'FUNC', 'LOCAL ', '1', `function_${file % ambiguous}`);
  }
  table.addGlobals(functions);
  return table.toString();
}
