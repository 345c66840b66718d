/** Pairs of objects that provoke the findings of `diff`. Each changes one thing that cannot be made live. */
import type { EntrySizes } from '../../src/arch/arch.js';
import type { diffMessages } from '../../src/diagnostics/diff-messages.js';
import { diffObjects } from '../../src/diff/diff-objects.js';
import { EM, SHF, SHT, STB, STT } from '../../src/elf/constants.js';
import { ElfObject, type ElfSymbol } from '../../src/elf/object.js';
import { writeElf } from '../../src/elf/write.js';
import { indexExports } from '../../src/lookup/exports.js';
import type { Lookup } from '../../src/lookup/lookup.js';
import { diffPair } from '../../src/pipeline/diff-pair.js';
import { CALL, lookupOf, R_32S, R_64, R_PC32, RET, Scene, sectionOf } from '../builders/diff-scene.js';
import { ObjectBuilder } from '../builders/elf.js';
import { tableOf } from '../builders/symbols.js';
import { diffCarriedProvocations } from './diff-carried.js';
import { livepatchInputProvocations } from './diff-livepatch.js';
import { diffMacroProvocations } from './diff-macros.js';
import type { Provocations } from './provocation.js';

type Fill = (scene: Scene) => unknown;

const NOP = 0x90;
const INCREMENT = [0xff, 0xc0];

interface Surroundings {
  readonly lookup?: Lookup;
  readonly entrySizes?: EntrySizes;
}

/** The findings of comparing two objects, whether they stop the comparison or not. */
function comparing(original: Fill, patched: Fill, { lookup = lookupOf({}), entrySizes = {} }: Surroundings = {}) {
  const made = (fill: Fill, fileName: string) => {
    const scene = new Scene();
    fill(scene);
    return scene.builder.build(fileName);
  };
  return () => {
    const objects = { original: made(original, 'original.o'), patched: made(patched, 'patched.o') };
    return diffObjects({ ...objects, lookup, entrySizes }).warnings;
  };
}

/** The same object twice, but for the code of its function `toy`. */
function changingToy(fill: (scene: Scene, toy: ElfSymbol) => unknown, surroundings: Surroundings = {}) {
  const made = (code: number) => (scene: Scene) => fill(scene, scene.function('toy', [code, code, NOP, NOP, NOP, NOP]));
  return comparing(made(NOP), made(0x50), surroundings);
}

function refer(user: ElfSymbol, symbol: ElfSymbol, addend = 0): void {
  const section = sectionOf(user);
  const offset = CALL.length + 2 + 4 * (section.relocations.length - 1);
  section.relocations.push({ offset, type: R_32S, symbol, addend });
}

/** Functions that each have a static variable `count` of `size` bytes. */
function countingFunctions(names: readonly string[], size = 4): Fill {
  return (scene) => {
    for (const [index, name] of names.entries()) {
      const data = scene.data(`.data.count.${index}`, new Array(size).fill(0));
      refer(scene.function(name, new Array(8).fill(NOP)), scene.object(`count.${index}`, data, 0, size));
    }
  };
}

/** One function that uses two variables `count`. */
const countingTwice: Fill = (scene) => {
  const toy = scene.function('toy', new Array(12).fill(NOP));
  for (const index of [0, 1])
    refer(toy, scene.object(`count.${index}`, scene.data(`.data.count.${index}`, [0, 0, 0, 0])));
};

function sectionWith(name: string, content: readonly number[], flags: number = SHF.ALLOC | SHF.WRITE): Fill {
  return (scene) => {
    scene.function('toy');
    scene.object('level', scene.data(name, content, flags), 0, content.length);
  };
}

/** A function in `.init.text`, where there is no section of its own. */
function initFunction(code: number): Fill {
  return (scene) => {
    const place = scene.data('.init.text', [...CALL, code, RET], SHF.ALLOC | SHF.EXECINSTR);
    scene.builder.symbol({ name: 'toy_init', place, size: 7, type: STT.FUNC });
  };
}

const inGroup: Fill = (scene) => {
  const group = scene.builder.section({ name: '.group', type: SHT.GROUP, entrySize: 4 });
  const signature = scene.function('toy_shared', [], STB.WEAK);
  sectionOf(signature).flags |= SHF.GROUP;
  group.group = { flags: 1, signature, members: [sectionOf(signature)] };
};

/** A table with one entry of `size` bytes that refers to `symbols`, four bytes each. */
function table(scene: Scene, name: string, size: number, symbols: readonly ElfSymbol[]): void {
  const section = scene.data(name, new Array(size).fill(0));
  section.relocations = symbols.map((symbol, index) => ({ offset: 4 * index, type: R_PC32, symbol, addend: 0 }));
}

/** The author's mark on `symbol`, at `addend`. */
function mark(scene: Scene, name: string, symbol: ElfSymbol, addend = 0): void {
  const section = scene.data(name, new Array(8).fill(0));
  scene.object('__kpatch_ignore_func_toy', section, 0, 8);
  section.relocations = [{ offset: 0, type: R_64, symbol, addend }];
}

const formatted = (machine: number, flags = 0) =>
  new ElfObject('toy.o', new ObjectBuilder({ machine, flags }).format, [], []);
const surroundings = { lookup: lookupOf({}), entrySizes: {} };

/** `toy` of ppc64le, which ends by jumping to another function: `bl _mcount`, `code`, `b other`. */
function jumpingAway(code: number): ElfObject {
  const builder = new ObjectBuilder({ machine: EM.PPC64, flags: 2 });
  const words = [0x48000001, code, 0x48000000];
  const toy = builder.function(
    'toy',
    words.flatMap((word) => [word & 0xff, (word >> 8) & 0xff, (word >> 16) & 0xff, word >>> 24]),
  );
  const relativeBranch = 10;
  sectionOf(toy).relocations = [
    { offset: 0, type: relativeBranch, symbol: builder.undefinedSymbol('_mcount'), addend: 0 },
    { offset: 8, type: relativeBranch, symbol: builder.undefinedSymbol('other'), addend: 0 },
  ];
  return builder.build();
}

/** `toy` of module toy, with a bug table that points to the module's own data. */
function warningAbout(code: number): Uint8Array {
  const scene = new Scene();
  scene.builder.symbol({ name: 'toy.c', place: 'absolute', type: STT.FILE });
  const toy = scene.function('toy', [code]);
  table(scene, '__bug_table', 12, [toy, scene.object('level', scene.data('.data.level', [1, 2, 3, 4]))]);
  return writeElf(scene.builder.build());
}

const inModule = (...names: readonly string[]) =>
  lookupOf({ globals: Object.fromEntries(names.map((name) => [name, { object: 'toy' }])) });

export const diffProvocations = {
  ...diffMacroProvocations,
  ...diffCarriedProvocations,
  ...livepatchInputProvocations,
  'elf-formats-differ': () =>
    diffObjects({ original: formatted(EM.X86_64), patched: formatted(EM.X86_64, 1), ...surroundings }),
  'elf-machine-unsupported': () => diffObjects({ original: formatted(40), patched: formatted(40), ...surroundings }),
  'static-local-removed': comparing(countingFunctions(['toy']), (scene) =>
    scene.function('toy', new Array(8).fill(NOP)),
  ),
  'static-local-changed': comparing(countingFunctions(['toy']), countingFunctions(['toy'], 8)),
  'static-local-ambiguous': comparing(countingFunctions(['first', 'second']), countingTwice),
  'section-kind-changed': comparing(sectionWith('.toy', [1]), sectionWith('.toy', [1], SHF.ALLOC)),
  'symbol-kind-changed': comparing(
    (scene) => scene.function('toy'),
    (scene) => scene.function('toy', [], STB.GLOBAL),
  ),
  'symbol-moved': comparing(sectionWith('.data..read_mostly', [1]), sectionWith('.data..percpu', [1])),
  'data-size-changed': comparing(sectionWith('.data.level', [1]), sectionWith('.data.level', [1, 2])),
  'data-changed': comparing(sectionWith('.data.level', [1]), sectionWith('.data.level', [2])),
  'data-shared': changingToy((scene, toy) => {
    const data = scene.data('.data..read_mostly', [1, 2, 3, 4, 5, 6, 7, 8]);
    scene.object('level', data, 0, 4);
    refer(toy, scene.builder.sectionSymbol(data), 5);
  }),
  'init-changed': comparing(initFunction(NOP), initFunction(0x50)),
  'section-changed': comparing(sectionWith('.toy', [1]), sectionWith('.toy', [2])),
  'group-changed': comparing(() => {}, inGroup),
  'function-not-traceable': comparing(
    (scene) => scene.builder.function('toy', [NOP, RET]),
    (scene) => scene.builder.function('toy', [...INCREMENT, RET]),
  ),
  'sibling-call': () =>
    diffObjects({ original: jumpingAway(0x38600001), patched: jumpingAway(0x38600002), ...surroundings }),
  // Two calls, of which one has no key.
  'entry-size-unknown': changingToy((scene, toy) => table(scene, '.static_call_sites', 16, [toy, toy, toy])),
  'table-malformed': changingToy((scene, toy) => table(scene, '__jump_table', 16, [toy]), {
    entrySizes: { JUMP_STRUCT_SIZE: 16 },
  }),
  'static-branch-in-module': changingToy(
    (scene, toy) => table(scene, '__jump_table', 16, [toy, toy, scene.undefinedSymbol('toy_key')]),
    { entrySizes: { JUMP_STRUCT_SIZE: 16 }, lookup: inModule('toy_key') },
  ),
  'static-call-in-module': changingToy(
    (scene, toy) => table(scene, '.static_call_sites', 8, [toy, scene.undefinedSymbol('__SCK__toy_call')]),
    { entrySizes: { STATIC_CALL_STRUCT_SIZE: 8 }, lookup: inModule('__SCK__toy_call') },
  ),
  'table-needs-module': () =>
    diffPair({
      original: warningAbout(NOP),
      patched: warningAbout(0x50),
      objectName: 'toy.o',
      target: 'toy',
      table: tableOf([{ file: 'toy.c' }, { name: 'toy', size: 7 }, { name: 'level', size: 4, type: STT.OBJECT }]),
      exports: indexExports([]),
      entrySizes: { BUG_STRUCT_SIZE: 12 },
    }),
  'ignore-target-missing': changingToy((scene) => {
    const names = scene.strings('.rodata.str1.1', '.toy.text');
    mark(scene, '.kpatch.ignore.sections', scene.builder.sectionSymbol(names));
  }),
  'ignore-needless': comparing(
    (scene) => scene.function('toy'),
    (scene) => mark(scene, '.kpatch.ignore.functions', scene.function('toy')),
  ),
  'tracepoint-dropped': changingToy(
    (scene, toy) => table(scene, '__jump_table', 16, [toy, toy, scene.undefinedSymbol('__tracepoint_toy_event')]),
    { entrySizes: { JUMP_STRUCT_SIZE: 16 }, lookup: inModule('__tracepoint_toy_event') },
  ),
} satisfies Provocations<typeof diffMessages>;
