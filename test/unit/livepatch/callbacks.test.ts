/** Callbacks from the diffed object to the finished module: their records, their global names, and the proof. */
import { describe, expect, test } from 'vitest';
import { SHF, SHT, STB, STT } from '../../../src/elf/constants.js';
import { type ElfObject, ElfSection, ElfSymbol } from '../../../src/elf/object.js';
import { readElf } from '../../../src/elf/read.js';
import { writeElf } from '../../../src/elf/write.js';
import { encodeIntermediate } from '../../../src/livepatch/encode-intermediate.js';
import { exposeCallbacks, isCallbackAlias } from '../../../src/livepatch/expose-callbacks.js';
import { finishModule } from '../../../src/livepatch/finish.js';
import { inspectObject, renderInspectReport } from '../../../src/livepatch/inspect.js';
import { decodeIntermediate } from '../../../src/livepatch/intermediate.js';
import { readKlpTables } from '../../../src/livepatch/klp-tables.js';
import type { LivepatchCallback } from '../../../src/livepatch/livepatch.js';
import { type ModuleExpectations, verifyModule } from '../../../src/livepatch/verify.js';
import {
  diffedToy,
  finishedToy,
  linkedToy,
  R_64,
  rules,
  sectionNamed,
  symbolNamed,
  toyExpectations,
} from '../../builders/livepatch.js';

/** `toy_prepare` as a new function of the toy, and the record that its macro leaves. */
function withCallback(toy: ReturnType<typeof diffedToy>): LivepatchCallback {
  const text = new ElfSection({
    name: '.text.toy_prepare',
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.EXECINSTR,
    content: new Uint8Array(16),
  });
  const symbol = new ElfSymbol({ name: 'toy_prepare', place: text, size: 16, type: STT.FUNC });
  const section = new ElfSection({
    name: '.kpatch.callbacks.pre_patch',
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.WRITE,
    content: new Uint8Array(16),
  });
  section.relocations.push({ offset: 0, type: R_64, symbol, addend: 0 });
  toy.object.sections.push(text, section);
  toy.object.symbols.push(symbol);
  return { kind: 'pre_patch', object: 'toy', symbol, section, offset: 0 };
}

describe('in the intermediate format', () => {
  test('the record gets the name of the klp object, behind the function, and comes back from the file', () => {
    const toy = diffedToy();
    const callback = withCallback(toy);
    encodeIntermediate(toy.object, { ...toy.parts, callbacks: [callback] }, R_64);
    const [, name] = callback.section.relocations;
    expect(name).toMatchObject({ offset: 8, type: R_64 });
    expect(name?.symbol.section?.name).toBe('.kpatch.strings');
    const [again, ...others] = decodeIntermediate(readElf(writeElf(toy.object), 'toy.o'), R_64).callbacks;
    expect(others).toEqual([]);
    expect({ ...again, symbol: again?.symbol.name, section: again?.section.name }).toEqual({
      kind: 'pre_patch',
      object: 'toy',
      symbol: 'toy_prepare',
      section: '.kpatch.callbacks.pre_patch',
      offset: 0,
    });
  });

  test('inspect lists it', () => {
    const toy = diffedToy();
    encodeIntermediate(toy.object, { ...toy.parts, callbacks: [withCallback(toy)] }, R_64);
    const report = inspectObject(readElf(writeElf(toy.object), 'toy.o'), R_64);
    expect(report.callbacks).toEqual([{ object: 'toy', kind: 'pre_patch', function: 'toy_prepare' }]);
    expect(renderInspectReport(report).join('\n')).toContain(
      '\n\ncallbacks\n  toy\n    pre_patch toy_prepare\n\nlivepatch',
    );
  });

  test('a record that nobody completed is refused', () => {
    const toy = diffedToy();
    withCallback(toy);
    encodeIntermediate(toy.object, toy.parts, R_64);
    expect(() => decodeIntermediate(toy.object, R_64)).toThrow('intermediate-pointer-missing');
  });
});

describe('global names', () => {
  test('are second names of the same code', () => {
    const toy = diffedToy();
    const callback = withCallback(toy);
    // On ppc64le st_other holds the distance to the local entry point.
    callback.symbol.other = 0x60;
    expect(exposeCallbacks(toy.object, [callback, { ...callback, kind: 'post_patch' }], 7)).toEqual([
      { kind: 'pre_patch', object: 'toy', name: 'toy_prepare', alias: 'kptool_callback_7_0' },
      { kind: 'post_patch', object: 'toy', name: 'toy_prepare', alias: 'kptool_callback_7_1' },
    ]);
    const { place, size, value, other, bind, type } = symbolNamed(toy.object, 'kptool_callback_7_0');
    expect({ place, size, value, other, bind, type }).toEqual({
      place: callback.symbol.place,
      size: 16,
      value: 0,
      other: 0x60,
      bind: STB.GLOBAL,
      type: STT.FUNC,
    });
    expect(callback.symbol.bind).toBe(STB.LOCAL);
  });

  test('a function of the target that has such a name is none', () => {
    const name = 'kptool_callback_0_0';
    expect(isCallbackAlias(new ElfSymbol({ name, place: 'undefined', bind: STB.LOCAL }))).toBe(false);
    expect(isCallbackAlias(new ElfSymbol({ name, place: 'undefined', bind: STB.GLOBAL }))).toBe(true);
  });
});

/** A linked toy whose klp object calls `toy_prepare`, with the alias still there. */
function linkedWithCallback() {
  const toy = linkedToy();
  const callback = withCallback(toy);
  const strings = symbolOfStrings(toy.object.symbols);
  // What encodeIntermediate adds; the string stands in .kpatch.strings already.
  const at = Buffer.from(sectionNamed(toy.object, '.kpatch.strings').content).indexOf('toy\0', 1);
  callback.section.relocations.push({ offset: 8, type: R_64, symbol: strings, addend: at });
  exposeCallbacks(toy.object, [callback], 0);
  const alias = symbolNamed(toy.object, 'kptool_callback_0_0');
  const { value: objectsAt } = symbolNamed(toy.object, 'kptool_objects');
  sectionNamed(toy.object, '.data').relocations.push({ offset: objectsAt + 16, type: R_64, symbol: alias, addend: 0 });
  return { ...toy, callback };
}

function symbolOfStrings(symbols: readonly ElfSymbol[]): ElfSymbol {
  const found = symbols.find(({ section, type }) => section?.name === '.kpatch.strings' && type === STT.SECTION);
  if (found === undefined) throw new Error('no symbol for the strings');
  return found;
}

describe('in the module', () => {
  test('records and global names are gone, and the table names the function itself', () => {
    const module = finishModule(linkedWithCallback().object, rules);
    expect(module.sections.filter(({ name }) => name.startsWith('.kpatch'))).toEqual([]);
    expect(module.symbols.filter(isCallbackAlias)).toEqual([]);
    const tables = readKlpTables(module);
    if ('problem' in tables) throw new Error(tables.problem);
    expect(tables.objects).toEqual(['toy']);
    expect(tables.callbacks.map(({ object, kind, symbol }) => [object, kind, symbol?.name])).toEqual([
      ['toy', 'pre_patch', 'toy_prepare'],
    ]);
  });

  test('inspect lists it', () => {
    const report = inspectObject(finishModule(linkedWithCallback().object, rules), R_64);
    expect(report).toMatchObject({
      kind: 'livepatch',
      callbacks: [{ object: 'toy', kind: 'pre_patch', function: 'toy_prepare' }],
    });
  });

  test('another object that calls a callback by name gets the function of the livepatch', () => {
    const toy = diffedToy();
    const callback = withCallback(toy);
    callback.symbol.bind = STB.GLOBAL;
    const [known] = toy.parts.relocations;
    if (known === undefined) throw new Error('the toy has no relocation');
    const call = { ...known, offset: 24, isExternal: true, symbol: { ...known.symbol, name: 'toy_prepare' } };
    encodeIntermediate(toy.object, { ...toy.parts, relocations: [call], callbacks: [callback] }, R_64);
    exposeCallbacks(toy.object, [callback], 0);
    const { relocations, extraRelocationTables } = sectionNamed(finishModule(toy.object, rules), '.text.toy_show');
    expect(relocations.map(({ offset, symbol }) => [offset, symbol.name])).toContainEqual([24, 'toy_prepare']);
    expect(extraRelocationTables).toEqual([]);
  });

  test('marks of forced functions are gone too', () => {
    const { object, replacement } = linkedToy();
    const forced = new ElfSection({ name: '.kpatch.force', type: SHT.PROGBITS, content: new Uint8Array(8) });
    forced.relocations.push({ offset: 0, type: R_64, symbol: replacement, addend: 0 });
    object.sections.push(forced);
    expect(finishModule(object, rules).sections.map(({ name }) => name)).not.toContain('.kpatch.force');
  });

  const expected = { ...toyExpectations, callbacks: [{ object: 'toy', kind: 'pre_patch', name: 'toy_prepare' }] };
  const codes = (module: ElfObject, expectations: ModuleExpectations = expected) =>
    verifyModule(module, expectations).map(({ code }) => code);

  test('the proof is content with what was asked for', () => {
    expect(codes(finishModule(linkedWithCallback().object, rules))).toEqual([]);
  });

  test('the proof sees a missing, an unexpected, and another function', () => {
    expect(codes(finishedToy())).toEqual(['verify-callback']);
    expect(codes(finishModule(linkedWithCallback().object, rules), toyExpectations)).toEqual(['verify-callback']);
    const other = finishModule(linkedWithCallback().object, rules);
    symbolNamed(other, 'toy_prepare').name = 'toy_other';
    expect(codes(other)).toEqual(['verify-callback']);
  });

  test('a klp object with callbacks and an empty table of functions, which the compiler puts into .bss', () => {
    const module = finishModule(linkedWithCallback().object, rules);
    const bss = new ElfSection({ name: '.bss', type: SHT.NOBITS, flags: SHF.ALLOC | SHF.WRITE, size: 64 });
    module.sections.push(bss);
    const functions = symbolNamed(module, 'kptool_functions_0');
    const data = sectionNamed(module, '.data');
    data.relocations = data.relocations.filter(({ offset }) => offset >= 128);
    functions.place = bss;
    functions.size = 64;
    expect(codes(module, { ...expected, functions: [] })).toEqual([]);
  });
});
