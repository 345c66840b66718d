/**
 * Where kbuild runs objtool on whole modules only (kernels with IBT or LTO), every object must get it by itself: the
 * diff works on objects, and a livepatch must not be processed a second time. Observed on Debian's 6.12.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import type { KernelConfig } from '../kernel/config.js';
import { writeWorkFile } from './work-file.js';

/**
 * Calls the kernel's objtool without `--ibt`, which would seal all functions whose address this one object does not take,
 * and without `--link`, which is for linked modules; vmlinux.o (`--noinstr`) keeps it. kbuild exports `objtree`; its own
 * folder is another one since commit 13b25489b6f8 (v6.13).
 */
const script = `#!/bin/sh
# Stands in for objtool during a build by kptool: one object at a time.
is_vmlinux=
for word do
  case $word in --noinstr) is_vmlinux=1 ;; esac
done
count=$#
while [ $count -gt 0 ]; do
  word=$1
  shift
  count=$((count - 1))
  case $word in
    --ibt) continue ;;
    --link) [ -n "$is_vmlinux" ] || continue ;;
  esac
  set -- "$@" "$word"
done
exec "\${objtree:-.}/tools/objtool/objtool" "$@"
`;

/** The kernel's kbuild gives objtool whole modules, as its configuration says. */
function delaysObjtool(config: KernelConfig): boolean {
  return config.isOn('CONFIG_X86_KERNEL_IBT') || config.isOn('CONFIG_LTO_CLANG');
}

/**
 * Variables for make that give each object to objtool; none where the kernel's kbuild does so anyway. Makefile.lib
 * delays objtool by `delay-objtool`, set for CONFIG_X86_KERNEL_IBT and CONFIG_LTO_CLANG. `folder` is where
 * `objtoolSettings` writes the script that they name.
 */
export function objtoolVariables(config: KernelConfig, folder: string): string[] {
  if (!delaysObjtool(config)) return [];
  return ['delay-objtool=', `objtool=${programIn(folder)}`];
}

/** The same, with the script written to `folder`. Throws `work-folder-unwritable` or `disk-full`. */
export async function objtoolSettings(config: KernelConfig, folder: string): Promise<string[]> {
  const variables = objtoolVariables(config, folder);
  if (variables.length > 0) await writeWorkFile(programIn(folder), script, { isProgram: true });
  return variables;
}

const programIn = (folder: string) => path.join(folder, 'objtool');

export interface ObjtoolQuestion {
  readonly release: string;
  readonly config: KernelConfig;
  readonly buildDirectory: string;
}

/**
 * Throws `objtool-whole-modules-only` where kbuild does not know the variables of `objtoolSettings`, as in v5.18, which had
 * IBT first and delayed objtool in another way. A tree whose makefiles are not found is taken as it is.
 */
export async function checkObjtool({ release, config, buildDirectory }: ObjtoolQuestion): Promise<void> {
  if (!delaysObjtool(config)) return;
  const folder = await scriptsFolder(buildDirectory);
  if (folder === undefined) return;
  const makefiles = await Promise.all(
    ['Makefile.lib', 'Makefile.build'].map((name) => textOf(path.join(folder, name))),
  );
  if (!makefiles.some((text) => /^\s*delay-objtool\s*[:?]?=/m.test(text ?? ''))) {
    fail('objtool-whole-modules-only', { release, folder });
  }
}

/**
 * The folder of kbuild's makefiles: of the build tree, or of the source that it belongs to. Debian's and SUSE's build
 * trees are a makefile that includes that of the source, and a build with `O=` leaves a link to it.
 */
async function scriptsFolder(buildDirectory: string): Promise<string | undefined> {
  const top = (await textOf(path.join(buildDirectory, 'Makefile'))) ?? '';
  const included = [...top.matchAll(/^-?include\s+(\/\S+)\/Makefile$/gm)].map(([, folder = '']) => folder);
  for (const folder of [buildDirectory, ...included, path.join(buildDirectory, 'source')]) {
    const scripts = path.join(folder, 'scripts');
    if ((await textOf(path.join(scripts, 'Makefile.lib'))) !== undefined) return scripts;
  }
  return undefined;
}

const textOf = (file: string) => readFile(file, 'latin1').catch(() => undefined);
