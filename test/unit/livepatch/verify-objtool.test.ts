import { describe, expect, test } from 'vitest';
import { x86_64 } from '../../../src/arch/x86-64.js';
import { SHF, SHT, STB, STT } from '../../../src/elf/constants.js';
import type { ElfSection, ElfSymbol } from '../../../src/elf/object.js';
import { verifyReturnsAndSeals, verifyUnwindData } from '../../../src/livepatch/verify-objtool.js';
import { R_PC32, R_PLT32, Scene, sectionOf } from '../../builders/diff-scene.js';

const JUMP = [0xe9, 0, 0, 0, 0] as const;
const rules = x86_64.objtool;
if (rules === undefined) throw new Error('x86-64 has no rules for objtool');

/** A table of distances to places in sections. */
function table(scene: Scene, name: string, places: readonly (readonly [ElfSection, number])[]): void {
  const section = scene.data(name, new Array(4 * places.length).fill(0), SHF.ALLOC);
  for (const [index, [place, addend]] of places.entries()) {
    const symbol = scene.builder.symbols.find((one) => one.type === STT.SECTION && one.section === place);
    if (symbol === undefined) throw new Error(`${place.name} has no section symbol`);
    section.relocations.push({ offset: 4 * index, type: R_PC32, symbol, addend });
  }
}

describe('rows for unwinding', () => {
  /** `.text` with these functions, rows at these offsets. */
  function missing(functions: readonly (readonly [string, number, number])[], rows: readonly number[]): string[] {
    const scene = new Scene();
    const text = scene.data('.text', new Array(256).fill(0x90), SHF.ALLOC | SHF.EXECINSTR);
    scene.builder.sectionSymbol(text);
    for (const [name, value, size] of functions) {
      scene.builder.symbol({ name, place: text, value, size, type: STT.FUNC });
    }
    table(
      scene,
      '.orc_unwind_ip',
      rows.map((offset) => [text, offset] as const),
    );
    return verifyUnwindData(scene.builder.build()).flatMap(({ details }) => details);
  }

  test('at the beginning of each function', () => {
    expect(
      missing(
        [
          ['f', 0, 16],
          ['g', 16, 16],
        ],
        [0, 4, 16],
      ),
    ).toEqual([]);
    expect(
      missing(
        [
          ['f', 0, 16],
          ['g', 16, 16],
        ],
        [0, 4],
      ),
    ).toEqual(['g']);
    expect(
      missing(
        [
          ['f', 0, 16],
          ['g', 16, 16],
        ],
        [16],
      ),
    ).toEqual(['f']);
  });

  test('a row in the middle is too late', () => {
    expect(missing([['f', 0, 16]], [4])).toEqual(['f']);
  });

  test('the row of the padding holds for the function behind it', () => {
    expect(
      missing(
        [
          ['__pfx_f', 0, 16],
          ['f', 16, 16],
          ['__pfx_g', 32, 16],
          ['g', 48, 16],
        ],
        [0, 20, 32],
      ),
    ).toEqual([]);
    expect(
      missing(
        [
          ['f', 16, 16],
          ['g', 48, 16],
        ],
        [0, 20],
      ),
    ).toEqual(['g']);
  });

  test('two names of one function', () => {
    expect(
      missing(
        [
          ['init_module', 16, 16],
          ['livepatch_init', 16, 16],
        ],
        [0],
      ),
    ).toEqual([]);
  });

  test('code that is copied elsewhere has none', () => {
    const scene = new Scene();
    const replacement = scene.data('.altinstr_replacement', [0x90], SHF.ALLOC | SHF.EXECINSTR);
    const trampoline = scene.data('.static_call.text', [0x90], SHF.ALLOC | SHF.EXECINSTR);
    for (const place of [replacement, trampoline]) scene.builder.symbol({ name: 'f', place, size: 1, type: STT.FUNC });
    expect(verifyUnwindData(scene.builder.build())).toEqual([]);
  });
});

describe('returns and seals', () => {
  interface Returning {
    readonly scene: Scene;
    readonly f: ElfSymbol;
  }

  /** `f`, which ends in a jump to the return thunk at 5. */
  function returning(thunk = '__x86_return_thunk'): Returning {
    const scene = new Scene();
    const f = scene.function('f', JUMP);
    sectionOf(f).relocations.push({ offset: 6, type: R_PLT32, symbol: scene.undefinedSymbol(thunk), addend: -4 });
    return { scene, f };
  }
  const found = ({ scene }: Returning) => {
    return verifyReturnsAndSeals(scene.builder.build(), rules).map(({ code, details }) => [code, ...details].join(' '));
  };

  test('a return that is listed', () => {
    const toy = returning();
    table(toy.scene, '.return_sites', [[sectionOf(toy.f), 5]]);
    expect(found(toy)).toEqual([]);
  });

  test('one that is not', () => {
    expect(found(returning())).toEqual(['verify-return-site .text.f+0x5']);
    const toy = returning();
    table(toy.scene, '.return_sites', [[sectionOf(toy.f), 6]]);
    expect(found(toy)).toEqual(['verify-return-site .text.f+0x5']);
  });

  test('a jump to something else, and an address of the thunk', () => {
    expect(found(returning('other'))).toEqual([]);
    const toy = returning();
    sectionOf(toy.f).content[5] = 0xe8;
    expect(found(toy)).toEqual([]);
  });

  test('returns of replacement code have no entry', () => {
    const scene = new Scene();
    const code = scene.data('.altinstr_replacement', JUMP, SHF.ALLOC | SHF.EXECINSTR);
    const symbol = scene.undefinedSymbol('__x86_return_thunk');
    code.relocations.push({ offset: 1, type: R_PLT32, symbol, addend: -4 });
    expect(verifyReturnsAndSeals(scene.builder.build(), rules)).toEqual([]);
  });

  test('an empty list seals nothing', () => {
    const scene = new Scene();
    scene.builder.section({ name: '.ibt_endbr_seal', type: SHT.PROGBITS, flags: SHF.ALLOC, content: new Uint8Array() });
    scene.builder.symbol({ name: 'f', place: 'undefined', bind: STB.GLOBAL });
    expect(verifyReturnsAndSeals(scene.builder.build(), rules)).toEqual([]);
  });
});
