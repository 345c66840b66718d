import { describe, expect, test } from 'vitest';
import type { EntrySizes } from '../../../src/arch/arch.js';
import { rebuildOrc } from '../../../src/diff/orc.js';
import { SHF } from '../../../src/elf/constants.js';
import type { ElfSection, ElfSymbol } from '../../../src/elf/object.js';
import { including, R_PC32, references, Scene } from '../../builders/diff-scene.js';

const ROW = 6;

/** ORC tables with a row for each of `owners`; the n-th row is filled with the byte n + 1. */
function orcOf(scene: Scene, owners: readonly ElfSymbol[]): { rows: ElfSection; places: ElfSection } {
  const rows = scene.data(
    '.orc_unwind',
    owners.flatMap((_, index) => new Array<number>(ROW).fill(index + 1)),
    SHF.ALLOC,
  );
  const places = scene.data('.orc_unwind_ip', new Array(owners.length * 4).fill(0), SHF.ALLOC);
  places.relocations = owners.map((symbol, index) => ({ offset: index * 4, type: R_PC32, symbol, addend: index }));
  return { rows, places };
}

function rebuild(
  scene: Scene,
  { rows, places }: { rows: ElfSection; places: ElfSection },
  changed: readonly ElfSymbol[],
  entrySizes: EntrySizes = { ORC_STRUCT_SIZE: ROW },
) {
  const prepared = scene.prepared();
  const inclusion = including(prepared, ...changed);
  const { tables, findings } = rebuildOrc(prepared, inclusion, entrySizes);
  return {
    codes: findings.map(({ code }) => code),
    rows: Buffer.from(tables.get(rows)?.content ?? []).toString('hex'),
    places: references(tables.get(places) ?? { relocations: [] }),
    bytes: tables.get(places)?.content.length,
    isIncluded: [rows, places].map((section) => inclusion.sections.has(section)),
  };
}

describe('unwinding data', () => {
  test('an object without any has nothing to rebuild', () => {
    const scene = new Scene();
    const toy = scene.function('toy');
    const prepared = scene.prepared();
    expect(rebuildOrc(prepared, including(prepared, toy), {})).toEqual({ tables: new Map(), findings: [] });
  });

  test('rows of included functions move together with their places', () => {
    const scene = new Scene();
    const [toy, other] = [scene.function('toy'), scene.function('other')];
    const result = rebuild(scene, orcOf(scene, [toy, other, toy]), [toy]);
    expect(result).toEqual({
      codes: [],
      rows: '01'.repeat(ROW) + '03'.repeat(ROW),
      places: ['0 toy+0', '4 toy+2'],
      bytes: 8,
      isIncluded: [true, true],
    });
  });

  test('a place keeps its row, in whatever order the relocations stand', () => {
    const scene = new Scene();
    const [toy, other] = [scene.function('toy'), scene.function('other')];
    const orc = orcOf(scene, [toy, other, toy]);
    orc.places.relocations.reverse();
    expect(rebuild(scene, orc, [toy])).toMatchObject({
      rows: '03'.repeat(ROW) + '01'.repeat(ROW),
      places: ['0 toy+2', '4 toy+0'],
    });
  });

  test('no row is left of other functions', () => {
    const scene = new Scene();
    const [toy, other] = [scene.function('toy'), scene.function('other')];
    const result = rebuild(scene, orcOf(scene, [other]), [toy]);
    expect(result).toMatchObject({ rows: '', places: [], isIncluded: [false, false] });
  });

  test('the size of a row comes from the section where nobody says it', () => {
    const scene = new Scene();
    const toy = scene.function('toy');
    const orc = orcOf(scene, [toy]);
    orc.rows.entrySize = ROW;
    expect(rebuild(scene, orc, [toy], {}).rows).toBe('01'.repeat(ROW));
  });

  test('or from the number of places', () => {
    const scene = new Scene();
    const [toy, other] = [scene.function('toy'), scene.function('other')];
    expect(rebuild(scene, orcOf(scene, [other, toy]), [toy], {}).rows).toBe('02'.repeat(ROW));
  });

  test('rows that cannot be shared out among the places are refused', () => {
    const scene = new Scene();
    const toy = scene.function('toy');
    const orc = orcOf(scene, [toy, toy]);
    orc.rows.content = orc.rows.content.slice(0, -1);
    expect(rebuild(scene, orc, [toy], {}).codes).toEqual(['entry-size-unknown']);
  });

  test.each<readonly [string, (orc: { rows: ElfSection; places: ElfSection }) => void]>([
    ['more places than rows', ({ rows }) => (rows.content = rows.content.subarray(ROW))],
    ['a row of another size', ({ rows }) => (rows.content = rows.content.subarray(1))],
    ['a place without a reference', ({ places }) => places.relocations.pop()],
    ['half a place', ({ places }) => (places.content = places.content.subarray(2))],
    ['a reference between two places', ({ places }) => (places.relocations[1] = at(places, 1, 2))],
    ['a reference behind the end', ({ places }) => (places.relocations[1] = at(places, 1, 400))],
  ])('is malformed with %s', (_, damage) => {
    const scene = new Scene();
    const toy = scene.function('toy');
    const orc = orcOf(scene, [toy, toy]);
    damage(orc);
    expect(rebuild(scene, orc, [toy]).codes).toEqual(['table-malformed']);
  });
});

function at({ relocations }: ElfSection, index: number, offset: number) {
  const relocation = relocations[index];
  if (relocation === undefined) throw new Error('there is no such relocation');
  return { ...relocation, offset };
}
