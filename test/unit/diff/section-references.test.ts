import { describe, expect, test } from 'vitest';
import { x86_64 } from '../../../src/arch/x86-64.js';
import { targetOffset } from '../../../src/diff/section-references.js';
import { SHF, STT } from '../../../src/elf/constants.js';
import type { ElfSection, ElfSymbol } from '../../../src/elf/object.js';
import { R_32S, R_64, R_PC32, RET, references, Scene, sectionOf } from '../../builders/diff-scene.js';

/** `lea disp(%rip), %rax` and the `ret` behind it. */
const LEA = [0x48, 0x8d, 0x05, 0, 0, 0, 0, RET];

/** A scene with a table of pointers into `pool`: one to each of `addends`, by way of the section symbol. */
function pointing(
  addends: readonly number[],
  fill: (scene: Scene, pool: ElfSection) => void,
  { name = '.data..read_mostly', size = 16, flags = SHF.ALLOC | SHF.WRITE } = {},
): string[] {
  const scene = new Scene();
  const pool = scene.data(name, new Array(size).fill(0), flags);
  const symbol = scene.builder.sectionSymbol(pool);
  fill(scene, pool);
  const table = scene.data('.rodata.table', new Array(addends.length * 8).fill(0), SHF.ALLOC);
  table.relocations = addends.map((addend, index) => ({ offset: index * 8, type: R_64, symbol, addend }));
  return references(scene.prepared().object.sections.find(({ name }) => name === '.rodata.table') ?? table);
}

const twoVariables = (scene: Scene, pool: ElfSection) => {
  scene.object('first', pool, 0, 8);
  scene.object('second', pool, 8, 8);
};

describe('a pointer into a shared section', () => {
  test('names the variable that covers the place', () => {
    expect(pointing([0, 7, 8, 12], twoVariables)).toEqual(['0 first+0', '8 first+7', '16 second+0', '24 second+4']);
  });

  test('one past the end of a table is the next variable', () => {
    expect(pointing([8], twoVariables)).toEqual(['0 second+0']);
  });

  test('one past the end of the section belongs to the last variable', () => {
    expect(pointing([16], twoVariables)).toEqual(['0 second+8']);
  });

  test('one past the end of code names nothing', () => {
    const flags = SHF.ALLOC | SHF.EXECINSTR;
    const fill = (scene: Scene, pool: ElfSection) => {
      scene.builder.symbol({ name: 'f', place: pool, size: 16, type: STT.FUNC });
    };
    expect(pointing([16], fill, { name: '.text.shared', flags })).toEqual(['0 +16']);
  });

  test('further behind the end, or in front of it, names nothing', () => {
    expect(pointing([17, 400, -1], twoVariables)).toEqual(['0 +17', '8 +400', '16 -1']);
  });

  test('a gap between variables names nothing', () => {
    const fill = (scene: Scene, pool: ElfSection) => {
      scene.object('first', pool, 0, 4);
      scene.object('second', pool, 8, 8);
    };
    expect(pointing([3, 4, 7, 8], fill)).toEqual(['0 first+3', '8 +4', '16 +7', '24 second+0']);
  });

  test('an empty symbol covers its own place only', () => {
    const fill = (scene: Scene, pool: ElfSection) => {
      scene.object('label', pool, 4, 0);
      scene.object('other', pool, 8, 8);
    };
    expect(pointing([4, 5, 8], fill)).toEqual(['0 label+0', '8 +5', '16 other+0']);
  });

  test('of overlapping symbols the first in the table speaks', () => {
    const fill = (scene: Scene, pool: ElfSection) => {
      scene.object('whole', pool, 0, 16);
      scene.object('part', pool, 4, 4);
    };
    expect(pointing([4, 6, 12], fill)).toEqual(['0 whole+4', '8 whole+6', '16 whole+12']);
    const reversed = (scene: Scene, pool: ElfSection) => {
      scene.object('part', pool, 4, 4);
      scene.object('whole', pool, 0, 16);
    };
    expect(pointing([4, 6, 12], reversed)).toEqual(['0 part+0', '8 part+2', '16 whole+12']);
  });

  test('a long symbol is found from behind many short ones', () => {
    const fill = (scene: Scene, pool: ElfSection) => {
      scene.object('whole', pool, 0, 16);
      for (let at = 0; at < 12; at++) scene.object(`byte${at}`, pool, at, 1);
    };
    expect(pointing([15], fill)).toEqual(['0 whole+15']);
  });

  test('a section without symbols keeps its section symbol', () => {
    expect(pointing([3], () => {})).toEqual(['0 +3']);
  });

  test('literals keep their section: they have no lasting names', () => {
    const scene = new Scene();
    const pool = scene.strings('.rodata.str1.1', 'one', 'two');
    const symbol = scene.builder.sectionSymbol(pool);
    const table = scene.data('.rodata.table', new Array(8).fill(0), SHF.ALLOC);
    table.relocations = [{ offset: 0, type: R_64, symbol, addend: 4 }];
    scene.prepared();
    expect(table.relocations[0]?.symbol).toBe(symbol);
  });
});

describe('a pointer into a section of one variable', () => {
  test.each([0, 4, 16, 20, -4, -400])('names the variable at offset %i', (addend) => {
    const fill = (scene: Scene, pool: ElfSection) => {
      scene.object('table', pool, 0, 16);
    };
    const sign = addend < 0 ? '' : '+';
    expect(pointing([addend], fill, { name: '.data.table' })).toEqual([`0 table${sign}${addend}`]);
  });

  test('counts from the function, not from its padding', () => {
    const scene = new Scene();
    const padded = scene.builder.section({
      name: '.text.f',
      type: 1,
      flags: SHF.ALLOC | SHF.EXECINSTR,
      content: Uint8Array.from([...new Array(16).fill(0x90), RET]),
    });
    const symbol = scene.builder.sectionSymbol(padded);
    scene.builder.symbol({ name: 'f', place: padded, value: 16, size: 1, type: STT.FUNC });
    const table = scene.data('.rodata.table', new Array(8).fill(0), SHF.ALLOC);
    table.relocations = [{ offset: 0, type: R_64, symbol, addend: 16 }];
    scene.prepared();
    expect(references(table)).toEqual(['0 f+0']);
  });
});

describe('a reference from code', () => {
  function fromCode(code: readonly number[], offset: number, type: number, addend: number): string[] {
    const scene = new Scene();
    const pool = scene.data('.data..read_mostly', new Array(16).fill(0));
    const symbol = scene.builder.sectionSymbol(pool);
    twoVariables(scene, pool);
    const user = scene.builder.function('user', code);
    sectionOf(user).relocations = [{ offset, type, symbol, addend }];
    scene.prepared();
    return references(sectionOf(user));
  }

  test('counts from the end of the instruction', () => {
    expect(fromCode(LEA, 3, R_PC32, -4)).toEqual(['3 first-4']);
    expect(fromCode(LEA, 3, R_PC32, 3)).toEqual(['3 first+3']);
    expect(fromCode(LEA, 3, R_PC32, 4)).toEqual(['3 second-4']);
  });

  test('counts behind a trailing immediate', () => {
    // movl $1, disp(%rip): the place is 8 bytes before the end of the instruction.
    const store = [0xc7, 0x05, 0, 0, 0, 0, 1, 0, 0, 0, RET];
    expect(fromCode(store, 2, R_PC32, -8)).toEqual(['2 first-8']);
    expect(fromCode(store, 2, R_PC32, 0)).toEqual(['2 second-8']);
  });

  test('is taken as it stands where it is absolute', () => {
    const move = [0x48, 0xc7, 0xc0, 0, 0, 0, 0, RET];
    expect(fromCode(move, 3, R_32S, 8)).toEqual(['3 second+0']);
  });

  test('is taken for the last part of its instruction where the code is no code', () => {
    expect(fromCode([0x06, 0, 0, 0, 0, 0], 1, R_PC32, 4)).toEqual(['1 second-4']);
  });

  test('keeps its section where the kind of relocation names no place', () => {
    const gotRelative = 9;
    expect(fromCode(LEA, 3, gotRelative, -4)).toEqual(['3 -4']);
  });
});

test('the place that a relocation means', () => {
  const scene = new Scene();
  const pool = scene.data('.data.pool', new Array(16).fill(0));
  const variable: ElfSymbol = scene.object('variable', pool, 4, 4);
  const user = scene.function('user', LEA);
  const prepared = scene.prepared();
  const at = (type: number, addend: number) =>
    targetOffset(prepared, sectionOf(user), { offset: 8, type, symbol: variable, addend });
  expect(at(R_PC32, -4)).toBe(4);
  expect(at(R_32S, 2)).toBe(6);
  expect(at(9, 0)).toBeUndefined();
  expect(prepared.arch).toBe(x86_64);
});
