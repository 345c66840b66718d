/** Livepatches that provoke the findings of `livepatch`. */
import type { livepatchMessages } from '../../src/diagnostics/livepatch-messages.js';
import { SHF, SHT, STB, STT } from '../../src/elf/constants.js';
import { type ElfObject, ElfSection, ElfSymbol, type RelocationTable } from '../../src/elf/object.js';
import { encodeIntermediate } from '../../src/livepatch/encode-intermediate.js';
import type { ExposedFunction } from '../../src/livepatch/expose-replacements.js';
import { finishModule } from '../../src/livepatch/finish.js';
import { moduleSource } from '../../src/livepatch/module-source.js';
import { klpSymbolName, klpTableName, requireLivepatchName } from '../../src/livepatch/names.js';
import { type ModuleExpectations, verifyModule } from '../../src/livepatch/verify.js';
import {
  diffedToy,
  encodedToy,
  finishedToy,
  R_64,
  R_PLT32,
  rules,
  sectionNamed,
  symbolNamed,
  toyExpectations,
} from '../builders/livepatch.js';
import type { Provocations } from './provocation.js';

/** Finishes a livepatch whose linked module was damaged. */
function finishing(damage: (object: ElfObject) => unknown) {
  return () => {
    const { object } = encodedToy();
    damage(object);
    return finishModule(object, rules);
  };
}

/** Verifies a finished livepatch after it was damaged. */
function verifying(damage: (object: ElfObject) => unknown, expected: Partial<ModuleExpectations> = {}) {
  return () => {
    const module = finishedToy();
    damage(module);
    return verifyModule(module, { ...toyExpectations, ...expected });
  };
}

const nothing = () => {};

const functionNamed = (name: string, sympos: number): ExposedFunction => ({ object: 'toy', name, sympos, alias: 'a' });

/** The table that is applied when toy is loaded. */
function toyTable(module: ElfObject): { tables: RelocationTable[]; table: RelocationTable } {
  const tables = sectionNamed(module, '.text.toy_show').extraRelocationTables;
  const [table] = tables;
  if (table === undefined) throw new Error('the livepatch has no table');
  return { tables, table };
}

function replaceToyTable(module: ElfObject, change: Partial<RelocationTable>): void {
  const { tables, table } = toyTable(module);
  tables[0] = { ...table, ...change };
}

/** Moves the table of toy to a section of another name. */
function moveToyTable(module: ElfObject, name: string, flags: number): void {
  const { tables, table } = toyTable(module);
  tables.shift();
  const section = new ElfSection({ name, type: SHT.PROGBITS, flags, content: new Uint8Array(32) });
  section.extraRelocationTables.push({ ...table, name: klpTableName({ object: 'toy', section: name }) });
  module.sections.push(section);
}

function setModuleInfo(module: ElfObject, text: string): void {
  const section = sectionNamed(module, '.modinfo');
  section.content = Buffer.from(text);
  section.size = section.content.length;
}

function addSection(object: ElfObject, name: string): ElfSection {
  const section = new ElfSection({ name, type: SHT.PROGBITS, flags: SHF.ALLOC, content: new Uint8Array(8) });
  object.sections.push(section);
  return section;
}

function intermediateRelocation(object: ElfObject, section: string, offset: number) {
  const found = sectionNamed(object, section).relocations.find((relocation) => relocation.offset === offset);
  if (found === undefined) throw new Error(`nothing is relocated at ${section}+${offset}`);
  return found;
}

/** Asks for the same relocation at another place. */
function relocateAt(offset: number) {
  return () => {
    const toy = diffedToy();
    const relocations = toy.parts.relocations.map((relocation) => ({ ...relocation, offset }));
    encodeIntermediate(toy.object, { ...toy.parts, relocations }, R_64);
    return finishModule(toy.object, rules);
  };
}

export const livepatchProvocations = {
  'klp-object-name-unusable': () => klpTableName({ object: 'a.b', section: '.text' }),
  'klp-symbol-name-unusable': () => klpSymbolName({ object: 'toy', name: 'a,b', sympos: 0 }),
  'livepatch-name-invalid': () => requireLivepatchName('fix this', []),
  'livepatch-name-taken': () => requireLivepatchName('ib-mad', ['ib_mad']),

  'intermediate-size-odd': finishing((object) => {
    const section = sectionNamed(object, '.kpatch.symbols');
    section.content = section.content.subarray(1);
    section.size -= 1;
  }),
  'intermediate-pointer-missing': finishing((object) => {
    sectionNamed(object, '.kpatch.symbols').relocations = [];
  }),
  'intermediate-pointer-invalid': finishing((object) => {
    intermediateRelocation(object, '.kpatch.relocations', 0).addend = 1_000_000;
  }),
  'intermediate-string-invalid': finishing((object) => {
    sectionNamed(object, '.kpatch.strings').content.fill(65);
  }),
  'intermediate-value-invalid': finishing((object) => {
    sectionNamed(object, '.kpatch.symbols').content[17] = 200;
  }),
  'intermediate-section-unknown': finishing((object) => addSection(object, '.kpatch.hooks.load')),
  'intermediate-still-used': finishing((object) => {
    const { symbol } = intermediateRelocation(object, '.kpatch.funcs', 40);
    sectionNamed(object, '.text.toy_show').relocations.push({ offset: 24, type: R_64, symbol, addend: 0 });
  }),
  'klp-arch-sections-unsupported': () => {
    const toy = diffedToy();
    encodeIntermediate(toy.object, { ...toy.parts, archSections: [{ section: toy.text, object: 'toy' }] }, R_64);
    return finishModule(toy.object, rules);
  },
  'klp-place-relocated-twice': relocateAt(8),
  'klp-place-outside': relocateAt(30),
  'klp-place-not-zero': finishing((object) => sectionNamed(object, '.text.toy_show').content.fill(0x90, 8)),
  'replacement-without-function': finishing((object) => {
    symbolNamed(object, 'kptool_replacement_0_0').value = 4;
  }),

  'livepatch-without-functions': () => moduleSource({ name: 'x', replace: true, functions: [] }),
  'function-replaced-twice': () =>
    moduleSource({ name: 'x', replace: true, functions: [functionNamed('f', 0), functionNamed('f', 1)] }),
  'callbacks-given-twice': () =>
    moduleSource({
      name: 'x',
      replace: true,
      functions: [functionNamed('f', 0)],
      callbacks: [
        { object: 'toy', kind: 'pre_patch', name: 'first', alias: 'kptool_callback_0_0' },
        { object: 'toy', kind: 'pre_patch', name: 'second', alias: 'kptool_callback_1_0' },
      ],
    }),

  'verify-machine': verifying(nothing, { machine: 21 }),
  'verify-vermagic': verifying(nothing, { release: '6.1.0-10-amd64' }),
  'verify-not-livepatch': verifying((module) =>
    setModuleInfo(module, 'name=livepatch_toy\0vermagic=6.1.0-9-amd64 SMP\0'),
  ),
  'verify-name': verifying(nothing, { name: 'livepatch_other' }),
  'verify-leftover-section': verifying((module) => addSection(module, '.kpatch.funcs')),
  'verify-klp-table-name': verifying((module) => replaceToyTable(module, { name: '.klp.rela.toy..text.other' })),
  'verify-klp-table-flags': verifying((module) => replaceToyTable(module, { flags: SHF.RELA_LIVEPATCH })),
  'verify-klp-table-target': verifying((module) => moveToyTable(module, '.init.text', SHF.ALLOC)),
  'verify-klp-table-unpatched': verifying((module) =>
    replaceToyTable(module, { name: '.klp.rela.cow..text.toy_show' }),
  ),
  'verify-klp-entry-symbol': verifying((module) => {
    const symbol = symbolNamed(module, '_printk');
    toyTable(module).table.relocations.push({ offset: 24, type: R_PLT32, symbol, addend: -4 });
  }),
  'verify-klp-entry-vmlinux': verifying((module) => {
    const symbol = symbolNamed(module, '.klp.sym.vmlinux.jiffies_hidden,0');
    toyTable(module).table.relocations.push({ offset: 24, type: R_PLT32, symbol, addend: -4 });
  }),
  'verify-klp-entry-too-late': verifying((module) => moveToyTable(module, '__jump_table', SHF.ALLOC | SHF.WRITE)),
  'verify-klp-place-not-zero': verifying((module) => {
    sectionNamed(module, '.text.toy_show').content[11] = 1;
  }),
  'verify-klp-symbol-name': verifying((module) => {
    symbolNamed(module, '.klp.sym.toy.toy_find,2').name = '.klp.sym.toy.toy_find';
  }),
  'verify-klp-symbol-unused': verifying((module) => {
    module.symbols.push(new ElfSymbol({ name: '.klp.sym.toy.lost,0', place: 'livepatch', type: STT.FUNC }));
  }),
  'verify-klp-symbol-misused': verifying((module) => {
    const symbol = symbolNamed(module, '.klp.sym.toy.toy_find,2');
    sectionNamed(module, '.text.toy_show').relocations.push({ offset: 24, type: R_PLT32, symbol, addend: -4 });
  }),
  'verify-unwind-data': verifying(nothing, { hasUnwindData: true }),
  'verify-return-site': verifying((module) => {
    const text = sectionNamed(module, '.text.toy_show');
    const thunk = new ElfSymbol({ name: '__x86_return_thunk', place: 'undefined', bind: STB.WEAK });
    module.symbols.push(thunk);
    text.content[27] = 0xe9;
    text.relocations.push({ offset: 28, type: R_PLT32, symbol: thunk, addend: -4 });
  }),
  'verify-seals': verifying((module) => addSection(module, '.ibt_endbr_seal')),
  'verify-functions-unreadable': verifying((module) => {
    symbolNamed(module, 'kptool_objects').name = 'objs';
  }),
  'verify-function-missing': verifying(nothing, {
    functions: [...toyExpectations.functions, { object: 'toy', name: 'toy_open', sympos: 1 }],
  }),
  'verify-function-unexpected': verifying(nothing, { functions: [] }),
  'verify-callback': verifying(nothing, { callbacks: [{ object: 'toy', kind: 'pre_patch', name: 'toy_show' }] }),
  'verify-function-target': verifying((module) => {
    sectionNamed(module, '.text.toy_show').flags = SHF.ALLOC;
  }),
  'verify-undefined-symbol': verifying((module) => {
    module.symbols.push(new ElfSymbol({ name: 'toy_find', place: 'undefined', bind: STB.GLOBAL }));
  }),
  'verify-crc': verifying(nothing, { exports: new Map([['_printk', 1]]) }),
  'verify-entry-size': verifying((module) => addSection(module, '__bug_table')),
} satisfies Provocations<typeof livepatchMessages>;
