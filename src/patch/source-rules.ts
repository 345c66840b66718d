/**
 * Holds a patch against the rules that its source alone can tell. The rules stand in `rules/`, by what they are about, and
 * their texts in `diagnostics/`. What only the compiler can know, a rule leaves to the build, or says that it cannot tell.
 */
import type { Diagnostic } from '../diagnostics/diagnostic.js';
import type { KernelConfig } from '../kernel/config.js';
import { authorRules } from './rules/author.js';
import { branchRules } from './rules/branches.js';
import { callbackRules } from './rules/callbacks.js';
import { dataRules } from './rules/data.js';
import { exportRules } from './rules/exports.js';
import { fileRules } from './rules/files.js';
import { functionRules } from './rules/functions.js';
import { lockingRules } from './rules/locking.js';
import { oneTimeRules } from './rules/one-time.js';
import { type SourceRule, sceneOf } from './rules/scene.js';
import { compareAll, type SourceChange, type SourceTexts } from './source-change.js';

export interface PatchedTexts {
  /** By path in the tree, every file that the patches touch. */
  readonly texts: ReadonlyMap<string, SourceTexts>;
  /** What `compareAll` makes of them. */
  readonly changes?: readonly SourceChange[];
  /** The target's. */
  readonly config: KernelConfig;
  /** By file, the modules that may link it, where the makefiles tell. */
  readonly modules?: ReadonlyMap<string, readonly string[]>;
}

/** Findings come in this order, and in that of the files. */
const RULES: readonly SourceRule[] = [
  ...fileRules,
  ...oneTimeRules,
  ...functionRules,
  ...dataRules,
  ...exportRules,
  ...branchRules,
  ...lockingRules,
  ...callbackRules,
  ...authorRules,
];

/** The findings of all rules, each with its default severity. Throws nothing. */
export function checkSourceRules({ texts, changes, config, modules = new Map() }: PatchedTexts): Diagnostic[] {
  const scene = sceneOf([...texts.keys()], changes ?? compareAll(texts), config, modules);
  return RULES.flatMap((rule) => rule(scene));
}
