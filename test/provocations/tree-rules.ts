/** For every rule that the tree around a patch decides: what breaks it, and the nearest that does not. */
import type { Diagnostic } from '../../src/diagnostics/diagnostic.js';
import type { treeRules } from '../../src/diagnostics/tree-rules.js';
import { checkHeaders, checkMakefiles, checkReach } from '../../src/kbuild/tree-rules.js';
import { parseKernelConfig } from '../../src/kernel/config.js';

type Scene = () => Diagnostic[];

export interface TreeRuleCase {
  readonly breaks: Scene;
  /** By name, what makes the difference. */
  readonly nearMisses: Readonly<Record<string, Scene>>;
}

const config = parseKernelConfig('CONFIG_MAD=m\nCONFIG_BUILT_IN=y\n# CONFIG_OFF is not set\n');

/** A patch to `file` in a tree with these makefiles. */
export function patching(
  file: string,
  makefiles: Readonly<Record<string, string>>,
  makeArguments: readonly string[] = [],
): Diagnostic[] {
  const read = Object.entries(makefiles).map(([name, text]) => ({ file: name, text }));
  return checkMakefiles({ sources: [file], makefiles: read, config, makeArguments });
}

const mad =
  (text: string, ...makeArguments: string[]): Scene =>
  () =>
    patching('mad.c', { Kbuild: text }, makeArguments);

const header =
  (...users: string[]): Scene =>
  () =>
    checkHeaders(new Map([['mad.h', users]]));

const sources = (count: number) => Array.from({ length: count }, (_, number) => `mad${number}.c`);

export const treeRuleCases: { readonly [Id in keyof typeof treeRules]: TreeRuleCase } = {
  'library-object-touched': {
    breaks: mad('lib-y := mad.o\nobj-y := other.o\n'),
    nearMisses: {
      'the folder’s other list has it': mad('lib-y := other.o\nobj-y := mad.o\n'),
      'both lists have it': mad('lib-y := mad.o\nobj-$(CONFIG_BUILT_IN) := mad.o\n'),
      'its list of the library is off': mad('lib-$(CONFIG_OFF) := mad.o\nobj-y := mad.o\n'),
    },
  },
  'object-not-built': {
    breaks: mad('obj-$(CONFIG_OFF) += mad.o\n'),
    nearMisses: {
      'the option is on': mad('obj-$(CONFIG_MAD) += mad.o\n'),
      'make is told that it is on': mad('obj-$(CONFIG_OFF) += mad.o\n', 'CONFIG_OFF=m'),
      'a module is made of it': mad('obj-m := ib_mad.o\nib_mad-$(CONFIG_BUILT_IN) += mad.o\n'),
      'another list has it too': mad('obj-$(CONFIG_OFF) += mad.o\nobj-m := ib_mad.o\nib_mad-objs := mad.o other.o\n'),
    },
  },
  'whole-build-touched': {
    breaks: () => checkReach('Makefile', { original: 'SUBLEVEL = 191\n', patched: 'SUBLEVEL = 192\n' }),
    nearMisses: {
      'it is the makefile of a folder': () =>
        checkReach('fs/Makefile', { original: '', patched: 'ccflags-y := -DMAD\n' }),
      'only a list is longer': () =>
        checkReach('Kbuild', { original: 'obj-y += fs/\n', patched: 'obj-y += fs/ mad/\n' }),
    },
  },
  'untraceable-file-touched': {
    breaks: mad('obj-m := mad.o\nCFLAGS_REMOVE_mad.o = $(CC_FLAGS_FTRACE)\n'),
    nearMisses: {
      'it is another file': mad('obj-m := mad.o other.o\nCFLAGS_REMOVE_other.o = $(CC_FLAGS_FTRACE)\n'),
      'it is another option': mad('obj-m := mad.o\nCFLAGS_REMOVE_mad.o = -Wshadow\n'),
    },
  },
  'header-included-widely': {
    breaks: header(...sources(21)),
    nearMisses: {
      'they are twenty': header(...sources(20)),
      'most of them are headers': header(...sources(20), ...sources(20).map((name) => name.replace('.c', '.h'))),
    },
  },
  'header-in-assembly': {
    breaks: header('mad.c', 'mad_copy.S'),
    nearMisses: { 'only C sources include it': header('mad.c', 'mad_copy.c') },
  },
};

type TreeProvocations = { readonly [Id in keyof typeof treeRules]: Scene };

export const treeRuleProvocations = Object.fromEntries(
  Object.entries(treeRuleCases).map(([id, { breaks }]) => [id, breaks]),
) as TreeProvocations;
