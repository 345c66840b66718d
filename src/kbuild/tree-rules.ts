/**
 * Holds a patch against the rules that the tree around it decides, before anything is compiled: what its makefiles make of
 * the touched files, and who includes the touched headers. Their texts stand in `diagnostics/tree-rules.ts`.
 */
import path from 'node:path';
import { diagnose } from '../diagnostics/catalogue.js';
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { KernelConfig } from '../kernel/config.js';
import { type MakefileTexts, reachOfMakefile } from './makefile-change.js';
import { ObjectLists, type ObjectState } from './object-lists.js';
import type { Makefile } from './tree-files.js';

export interface MakefileQuestion {
  /** C files that the patch changes or adds, and that no other file includes; paths in the tree. */
  readonly sources: readonly string[];
  /** As they are after the patch. */
  readonly makefiles: readonly Makefile[];
  readonly config: KernelConfig;
  /** Arguments of the calls of make: `CONFIG_MAD=m`. */
  readonly makeArguments: readonly string[];
  /** kbuild has been asked what is built, so that nothing is said of it. */
  readonly isBuilt?: boolean;
  /** Said where the tree is built by more than its makefiles. */
  readonly cannotTell?: string;
}

/** Throws nothing. */
export function checkMakefiles({
  sources,
  makefiles,
  config,
  makeArguments,
  isBuilt = false,
  ...doubt
}: MakefileQuestion): Diagnostic[] {
  // Of what is built only lib-y is asked, which a makefile says of its own folder.
  const own = new Set(sources.map((file) => path.posix.dirname(file)));
  const asked = isBuilt ? makefiles.filter(({ file }) => own.has(path.posix.dirname(file))) : makefiles;
  const lists = new ObjectLists(asked, config, makeArguments);
  return sources.flatMap((file) => {
    const state = lists.stateOf(file.replace(/\.c$/, '.o'));
    const said = isBuilt && state.kind !== 'library' ? [] : describeState(file, state, doubt);
    return [...said, ...checkTracing(file, makefiles)];
  });
}

function describeState(file: string, state: ObjectState, doubt: { readonly cannotTell?: string }): Diagnostic[] {
  switch (state.kind) {
    case 'built':
      return [];
    case 'library':
      return [diagnose('library-object-touched', { ...doubt, file, makefile: state.file })];
    case 'off': {
      const because = `${state.file} has it in ${state.list}, which is off`;
      return [diagnose('object-not-built', { ...doubt, file, because })];
    }
    case 'unknown': {
      const because = `${state.file} has it in ${state.list}`;
      return [diagnose('object-not-built', { cannotTell: 'whether that is on', ...doubt, file, because })];
    }
    case 'unlisted': {
      const unsure = state.isCertain ? {} : { cannotTell: 'what the makefiles make of variables and includes' };
      return [diagnose('object-not-built', { ...unsure, ...doubt, file, because: 'no makefile lists it' })];
    }
  }
}

/** What takes the ftrace entries out of objects: `CFLAGS_REMOVE_mad.o = $(CC_FLAGS_FTRACE)`, for a folder `ccflags-remove-y`. */
const NO_TRACING = /^\s*(?:CFLAGS_REMOVE_(\S+?)|(?:subdir-)?ccflags-remove-\S+)\s*[:+]?=.*(?:CC_FLAGS_FTRACE|-pg\b)/gm;

function checkTracing(file: string, makefiles: readonly Makefile[]): Diagnostic[] {
  const slash = file.lastIndexOf('/');
  const folder = file.slice(0, slash + 1);
  const object = file.slice(slash + 1).replace(/\.c$/, '.o');
  const found = makefiles.find(({ file: makefile, text }) => {
    const own = makefile.slice(0, makefile.lastIndexOf('/') + 1);
    return [...text.matchAll(NO_TRACING)].some(([line, name]) => {
      if (name !== undefined) return own === folder && name === object;
      return line.includes('subdir-') ? folder.startsWith(own) : own === folder;
    });
  });
  return found === undefined ? [] : [diagnose('untraceable-file-touched', { file, makefile: found.file })];
}

/** Of a makefile of a kernel's tree. */
export function checkReach(file: string, texts: MakefileTexts): Diagnostic[] {
  return reachOfMakefile(file, texts).kind === 'all' ? [diagnose('whole-build-touched', { file })] : [];
}

/** Sources that a touched header may have compiled before it is told how many they are. */
const MANY = 20;

/** Findings about headers, each with the files that include it, directly or not. Throws nothing. */
export function checkHeaders(includers: ReadonlyMap<string, readonly string[]>): Diagnostic[] {
  return [...includers].flatMap(([file, users]) => {
    const sources = users.filter((user) => user.endsWith('.c'));
    const assembly = users.filter((user) => /\.s$/i.test(user));
    return [
      ...(sources.length > MANY ? [diagnose('header-included-widely', { file, count: sources.length })] : []),
      ...(assembly.length > 0 ? [diagnose('header-in-assembly', { file, assembly })] : []),
    ];
  });
}
