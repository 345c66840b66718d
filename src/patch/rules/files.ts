/** Rules about whole files: what they are linked into, and what they make of the build. */
import { diagnose } from '../../diagnostics/catalogue.js';
import type { Diagnostic } from '../../diagnostics/diagnostic.js';
import { isSwitchedOff } from '../conditions.js';
import { type SourceChange, touchedItems } from '../source-change.js';
import { placeOf, type Scene, type SourceRule } from './scene.js';

/** Files that are linked into something else than the kernel or a module. */
const BOOT_CODE =
  /^arch\/\w+\/(boot|purgatory|realmode\/rm)\/|^arch\/.*\/vdso(32|64)?\/|^lib\/vdso\/|^arch\/(um|x86\/um|x86\/platform\/pvh)\/|^drivers\/firmware\/efi\/libstub\//;

const PATCHING_CORE = /^kernel\/(livepatch\/|trace\/ftrace|kprobes\.c)|^arch\/\w+\/kernel\/(ftrace|livepatch|kprobes)/;

export const fileRules: readonly SourceRule[] = [
  ({ files }) => files.filter((file) => BOOT_CODE.test(file)).map((file) => diagnose('boot-code-touched', { file })),
  ({ files }) =>
    files.filter((file) => PATCHING_CORE.test(file)).map((file) => diagnose('patching-core-touched', { file })),
  buildFiles,
  switchedOff,
  nothingButComments,
];

/** A `Makefile` that gets an object of a source which the patch adds is as it should be. */
function buildFiles({ files, changes }: Scene): Diagnostic[] {
  const addsSource = changes.some(({ original }) => original.items.length === 0);
  return files
    .filter((file) => /(^|\/)(Kconfig[^/]*|Makefile|Kbuild)$/.test(file) && !(addsSource && !file.includes('Kconfig')))
    .map((file) => diagnose('build-file-touched', { file }));
}

/** Around the function or data, or within it around all that changes. */
function switchedOff({ changes, functions, variables, config }: Scene): Diagnostic[] {
  const seen = new Set([...functions, ...variables].map(({ place }) => `${place.file}:${place.line}`));
  return changes.flatMap((change) =>
    touchedItems(change).flatMap((item) => {
      if (item.name === '') return [];
      const place = placeOf(change, item);
      const around = item.conditions.find((text) => isSwitchedOff([text], config));
      const isHidden = item.kind === 'function' && change.changed.some(({ patched }) => patched === item);
      const within = isHidden && !seen.has(`${place.file}:${place.line}`) ? conditionWithin(item) : undefined;
      const condition = around ?? within;
      return condition === undefined ? [] : [diagnose('code-switched-off', { ...place, name: item.name, condition })];
    }),
  );

  function conditionWithin({ tokens }: { readonly tokens: readonly { readonly text: string }[] }) {
    const off = tokens.find(({ text }) => /^#(if|elif)/.test(text) && isSwitchedOff([text], config));
    const on = tokens.find(({ text }) => /^#if/.test(text) && isSwitchedOff([`#else of ${text}`], config));
    return off?.text ?? (on === undefined ? undefined : `#else of ${on.text}`);
  }
}

/** Of all files together: one of several may well be changed in its comments alone. */
function nothingButComments({ files, changes }: Scene): Diagnostic[] {
  const [first] = files;
  const isSame = ({ changed, added, removed, addedDirectives, removedDirectives }: SourceChange) =>
    [changed, added, removed, addedDirectives, removedDirectives].every(({ length }) => length === 0);
  if (first === undefined || files.length > changes.length || !changes.every(isSame)) return [];
  return [diagnose('only-comments-touched', { file: first })];
}
