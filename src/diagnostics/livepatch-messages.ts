/** Wording of the findings of `livepatch`: what happened, why, what to do. */
import type { Wording } from './diagnostic.js';
import { verifyMessages } from './verify-messages.js';

/** A field of an intermediate section: bytes from the start of the section. */
interface Field {
  file: string;
  section: string;
  offset: number;
  field: string;
}

interface KlpPlace {
  file: string;
  section: string;
  offset: number;
  /** Name of the symbol that is meant to be put there. */
  symbol: string;
}

const rebuildDiffed = 'Build the livepatch again from the start. If it happens again, report it with the file.';
const intermediateWhy =
  'The .kpatch sections of a diffed object say what the livepatch loader has to do; they are damaged.';

function at(section: string, offset: number): string {
  return `${section}+0x${offset.toString(16)}`;
}

function target(object: string, name: string, sympos: number): string {
  return `${object}:${name}${sympos > 1 ? ` (number ${sympos} of that name)` : ''}`;
}

export const livepatchMessages = {
  'klp-object-name-unusable': (details: { object: string; problem: string }) => ({
    what: `"${details.object}" cannot be the name of an object to patch: ${details.problem}`,
    why: 'The livepatch loader reads this name out of symbol and section names and would read another one.',
    fix: 'Give the name of the module as the kernel lists it in /proc/modules, or vmlinux.',
  }),
  'klp-symbol-name-unusable': (details: { symbol: string; object: string; problem: string }) => ({
    what: `The symbol "${details.symbol.slice(0, 80)}" of ${details.object} cannot be looked up: ${details.problem}`,
    why: 'The livepatch loader reads this name out of a longer one and would read another one.',
    fix: 'Change the patch so that the code does not refer to this symbol.',
  }),
  'livepatch-name-invalid': (details: { name: string; limit: number }) => ({
    exitStatus: 2 as const,
    what: `"${details.name}" cannot be the name of a livepatch`,
    why: `A module's name begins with a letter or digit, has only letters, digits, "_" and "-", and at most ${details.limit} of them.`,
    fix: 'Choose another name with --name.',
  }),
  'livepatch-name-taken': (details: { name: string; target: string }) => ({
    exitStatus: 2 as const,
    what: `The livepatch cannot be named "${details.name}": ${details.target} has that name in the kernel`,
    why: 'The kernel loads no two modules of one name, and takes "-" and "_" for the same.',
    fix: 'Choose another name with --name.',
  }),
  'intermediate-size-odd': (details: { file: string; section: string; size: number; entrySize: number }) => ({
    what: `${details.file}: ${details.section} has ${details.size} bytes, which are no whole entries of ${details.entrySize}`,
    why: intermediateWhy,
    fix: rebuildDiffed,
  }),
  'intermediate-pointer-missing': (details: Field) => ({
    what: `${details.file}: ${at(details.section, details.offset)}: the ${details.field} is missing`,
    why: `${intermediateWhy} There must be a relocation at this place.`,
    fix: rebuildDiffed,
  }),
  'intermediate-pointer-invalid': (details: Field & { problem: string }) => ({
    what: `${details.file}: ${at(details.section, details.offset)}: the ${details.field} is wrong: ${details.problem}`,
    why: intermediateWhy,
    fix: rebuildDiffed,
  }),
  'intermediate-string-invalid': (details: Field) => ({
    what: `${details.file}: ${at(details.section, details.offset)}: the ${details.field} is not a string of .kpatch.strings`,
    why: intermediateWhy,
    fix: rebuildDiffed,
  }),
  'intermediate-value-invalid': (details: Field & { value: number }) => ({
    what: `${details.file}: ${at(details.section, details.offset)}: ${details.value} is no ${details.field} of a symbol`,
    why: intermediateWhy,
    fix: rebuildDiffed,
  }),
  'intermediate-section-unknown': (details: { file: string; section: string }) => ({
    what: `${details.file}: the section ${details.section} means nothing to kptool`,
    why: 'Whatever it asks for would silently not happen in the finished livepatch.',
    fix: "Take the use of kpatch's macros (kpatch-macros.h) that makes this section out of the patch.",
  }),
  'intermediate-still-used': (details: { file: string; section: string; offset: number; used: string }) => ({
    what: `${details.file}: ${at(details.section, details.offset)} refers to ${details.used}`,
    why: 'That section serves only the building of a livepatch and is not part of the finished one.',
    fix: "Take the use of kpatch's macros or sections out of the patch.",
  }),
  'klp-arch-sections-unsupported': (details: { file: string; section: string; object: string }) => ({
    what: `${details.file}: ${details.section} asks to be processed only when ${details.object} is loaded`,
    why: 'Kernels before 5.8 did that by .klp.arch sections; kptool builds livepatches for newer ones.',
    fix: 'Make the diffed object without --klp-arch.',
  }),
  'klp-place-relocated-twice': (details: KlpPlace) => ({
    what: `${details.file}: ${at(details.section, details.offset)} is to be relocated to ${details.symbol} and to something else too`,
    why: 'Only one of the two would be there in the end. It happens when a file is linked that contains a former result.',
    fix: rebuildDiffed,
  }),
  'klp-place-outside': (details: KlpPlace & { size: number }) => ({
    what: `${details.file}: ${at(details.section, details.offset)} is to be relocated to ${details.symbol}, but the section has ${details.size} bytes`,
    why: 'The loader would overwrite what stands behind the section.',
    fix: rebuildDiffed,
  }),
  'klp-place-not-zero': (details: KlpPlace) => ({
    what: `${details.file}: ${at(details.section, details.offset)} is to be relocated to ${details.symbol} but already holds a value`,
    why: 'The kernel refuses such a module ("existing value is nonzero"): it takes the place for one that was relocated before.',
    fix: rebuildDiffed,
  }),
  'replacement-without-function': (details: { file: string; alias: string }) => ({
    what: `${details.file}: there is no function where ${details.alias} points`,
    why: 'The livepatch would redirect a function to a place where none begins.',
    fix: rebuildDiffed,
  }),
  'livepatch-without-functions': (_details: Record<string, never>) => ({
    what: 'The livepatch would replace no function',
    why: 'The kernel accepts only livepatches that patch something.',
    fix: 'Check that the patch changes a function that is part of the target.',
  }),
  'function-replaced-twice': (details: { object: string; name: string; sympos: number }) => ({
    what: `${target(details.object, details.name, details.sympos)} is replaced twice`,
    why: 'Two objects of the build contain a replacement for the same function, and only one can be called.',
    fix: 'Check that the two objects are not built from the same source, and that the symbol table of the target tells them apart.',
  }),
  'callbacks-given-twice': (details: { object: string; kind: string; functions: readonly string[] }) => ({
    what: `There are ${details.functions.length} ${details.kind} callbacks for ${details.object}: ${details.functions.join(', ')}`,
    why: 'The kernel calls one callback of a kind for each patched object, however many source files it is made from.',
    fix: 'Name one of them in the patch, and let it call the others.',
  }),
  ...verifyMessages,
} satisfies Record<string, (details: never) => Wording>;
