/** Reasons on objects made by hand: what a compiler produces rarely or not on this machine. */
import { describe, expect, test } from 'vitest';
import { aarch64 } from '../../../src/arch/aarch64.js';
import type { Arch } from '../../../src/arch/arch.js';
import { ppc64le } from '../../../src/arch/ppc64le.js';
import { x86_64 } from '../../../src/arch/x86-64.js';
import { compareObjects } from '../../../src/diff/compare.js';
import { adoptOriginalNames, correlate } from '../../../src/diff/correlate.js';
import { type ChangeReason, explainChanges } from '../../../src/diff/explain.js';
import { prepareObject } from '../../../src/diff/prepare.js';
import { SHF, SHT, STB, STT } from '../../../src/elf/constants.js';
import type { ElfSymbol } from '../../../src/elf/object.js';
import { ObjectBuilder } from '../../builders/elf.js';

type Build = (builder: ObjectBuilder) => void;

/** The passes up to the explanation, with every function that compares as changed. */
function explain(arch: Arch, buildOriginal: Build, buildPatched: Build): Map<string, ChangeReason> {
  const [original, patched] = [buildOriginal, buildPatched].map((build) => {
    const builder = new ObjectBuilder({ machine: arch.machine });
    build(builder);
    return prepareObject(builder.build(), arch);
  });
  if (original === undefined || patched === undefined) throw new RangeError('two objects were built');
  const correlation = correlate(original, patched);
  adoptOriginalNames(patched, correlation);
  const { comparison } = compareObjects({ original, patched, correlation });
  const isChanged = (symbol: ElfSymbol) => symbol.type === STT.FUNC && comparison.symbols.get(symbol) === 'changed';
  const changedFunctions = patched.object.symbols.filter(isChanged);
  const reasons = explainChanges({ original, patched, correlation, comparison, changedFunctions });
  return new Map([...reasons].map(([{ name }, reason]) => [name, reason]));
}

/** A function whose code calls or reads `target` at `offset`. */
function withReference(content: readonly number[], offset: number, type: number, target: string, addend = 0): Build {
  return (builder) => {
    const section = builder.function('f', content).section;
    section?.relocations.push({ offset, type, symbol: builder.undefinedSymbol(target), addend });
  };
}

describe('where the difference is', () => {
  test('in the padding in front of the function: below zero', () => {
    const padded =
      (padding: readonly number[]): Build =>
      (builder) =>
        builder.function('f', [...padding, 0xc3], { value: padding.length, size: 1 });
    const found = explain(x86_64, padded([0x90, 0x90, 0x90]), padded([0x0f, 0x1f, 0x00]));
    expect(found.get('f')).toEqual({
      kind: 'edited',
      about: undefined,
      where: 'f',
      offset: -3,
      original: 'nop',
      patched: 'nopl (%rax)',
    });
  });

  const ret = 0xc3;
  const loadOne = [0xbf, 1, 0, 0, 0];
  const loadTwo = [0xbf, 2, 0, 0, 0];

  test('behind a jump that became longer: the references behind the jump are still compared one by one', () => {
    const call = [0xe8, 0, 0, 0, 0];
    const found = explain(
      x86_64,
      withReference([0x74, 0x0a, ...call, ...loadOne, ret], 3, 4, 'take', -4),
      withReference([0x0f, 0x84, 0x0a, 0, 0, 0, ...call, ...loadTwo, ret], 7, 4, 'take', -4),
    );
    expect(found.get('f')).toMatchObject({
      kind: 'edited',
      offset: 7,
      original: 'mov $0x1,%edi',
      patched: 'mov $0x2,%edi',
    });
  });

  test('in the jump itself where nothing else differs', () => {
    const code = (distance: number) => (builder: ObjectBuilder) =>
      void builder.function('f', [0x74, distance, 0x90, 0x90, ret]);
    expect(explain(x86_64, code(1), code(2)).get('f')).toMatchObject({
      kind: 'edited',
      offset: 0,
      original: 'je f+0x3',
      patched: 'je f+0x4',
    });
  });

  test('in a part of a part', () => {
    const code =
      (load: readonly number[]): Build =>
      (builder) => {
        builder.function('f');
        builder.function('f.part.0', [ret], { bind: STB.LOCAL });
        builder.function('f.part.0.cold', [...load, ret], { bind: STB.LOCAL });
      };
    const found = explain(x86_64, code(loadOne), code(loadTwo));
    expect(found.get('f')).toMatchObject({ kind: 'part changed', about: 'f.part.0.cold', where: 'f.part.0.cold' });
    expect(found.get('f.part.0.cold')).toMatchObject({ kind: 'edited', original: 'mov $0x1,%edi' });
  });
});

describe('CPUs without a disassembler', () => {
  const R_AARCH64_CALL26 = 283;
  const branch = [0, 0, 0, 0x94];

  test('another callee', () => {
    const found = explain(
      aarch64,
      withReference(branch, 0, R_AARCH64_CALL26, 'take'),
      withReference(branch, 0, R_AARCH64_CALL26, 'drop'),
    );
    expect(found.get('f')).toEqual({
      kind: 'relocation target',
      about: undefined,
      where: 'f',
      offset: 0,
      original: '94000000 take',
      patched: '94000000 drop',
    });
  });

  test('a variable behind the table of addresses is named, not the slot', () => {
    const R_PPC64_TOC16_HA = 50;
    const R_PPC64_ADDR64 = 38;
    const reading =
      (variable: string): Build =>
      (builder) => {
        const toc = builder.section({
          name: '.toc',
          type: SHT.PROGBITS,
          flags: SHF.ALLOC | SHF.WRITE,
          content: new Uint8Array(8),
        });
        const data = builder.section({
          name: '.data',
          type: SHT.PROGBITS,
          flags: SHF.ALLOC | SHF.WRITE,
          content: new Uint8Array(16),
        });
        const start = builder.sectionSymbol(toc);
        const variables = ['first', 'second'].map((name, index) =>
          builder.symbol({ name, place: data, value: index * 8, size: 8, type: STT.OBJECT }),
        );
        const symbol = variables.find(({ name }) => name === variable);
        if (symbol === undefined) throw new RangeError(variable);
        toc.relocations.push({ offset: 0, type: R_PPC64_ADDR64, symbol, addend: 0 });
        builder
          .function('f', [0, 0, 0x22, 0x3d])
          .section?.relocations.push({ offset: 0, type: R_PPC64_TOC16_HA, symbol: start, addend: 0 });
      };
    expect(explain(ppc64le, reading('first'), reading('second')).get('f')).toMatchObject({
      kind: 'data reference',
      original: '3d220000 first',
      patched: '3d220000 second',
    });
  });
});

test('a long string is cut, and a constant of a pool is shown itself', () => {
  const pooled =
    (flags: number, entrySize: number, content: Uint8Array): Build =>
    (builder) => {
      const pool = builder.section({
        name: '.rodata.pool',
        type: SHT.PROGBITS,
        flags: SHF.ALLOC | SHF.MERGE | flags,
        entrySize,
        content,
      });
      const symbol = builder.sectionSymbol(pool);
      // mov $POOL,%rdi
      const section = builder.function('f', [0x48, 0xc7, 0xc7, 0, 0, 0, 0]).section;
      section?.relocations.push({ offset: 3, type: 11, symbol, addend: 0 });
    };
  const text = (last: string) => pooled(SHF.STRINGS, 1, Buffer.from(`${'x'.repeat(1010)}${last}\0`));
  expect(explain(x86_64, text('a'), text('b')).get('f')).toMatchObject({
    kind: 'data reference',
    original: `mov $"${'x'.repeat(1000)}"...,%rdi`,
  });
  const constant = (last: number) => pooled(0, 4, Uint8Array.from([0, 0, 0x20, last]));
  expect(explain(x86_64, constant(0x41), constant(0x42)).get('f')).toMatchObject({
    kind: 'data reference',
    original: 'mov $constant 00002041,%rdi',
    patched: 'mov $constant 00002042,%rdi',
  });
});
