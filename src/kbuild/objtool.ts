/**
 * Where kbuild runs objtool on whole modules only (kernels with IBT or LTO), every object must get it by itself: the
 * diff works on objects, and a livepatch must not be processed a second time. Observed on Debian's 6.12.
 */
import path from 'node:path';
import type { KernelConfig } from '../kernel/config.js';
import { writeWorkFile } from './work-file.js';

/**
 * Calls the kernel's objtool without `--ibt`, which would seal all functions whose address this one object does not take,
 * and without `--link`, which is for linked modules; vmlinux.o (`--noinstr`) keeps it. kbuild runs it in the build tree.
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
exec ./tools/objtool/objtool "$@"
`;

/**
 * Variables for make that give each object to objtool; none where the kernel's kbuild does so anyway. Makefile.lib
 * delays objtool by `delay-objtool`, set for CONFIG_X86_KERNEL_IBT and CONFIG_LTO_CLANG. `folder` is where
 * `objtoolSettings` writes the script that they name.
 */
export function objtoolVariables(config: KernelConfig, folder: string): string[] {
  if (!config.isOn('CONFIG_X86_KERNEL_IBT') && !config.isOn('CONFIG_LTO_CLANG')) return [];
  return ['delay-objtool=', `objtool=${programIn(folder)}`];
}

/** The same, with the script written to `folder`. Throws `work-folder-unwritable` or `disk-full`. */
export async function objtoolSettings(config: KernelConfig, folder: string): Promise<string[]> {
  const variables = objtoolVariables(config, folder);
  if (variables.length > 0) await writeWorkFile(programIn(folder), script, { isProgram: true });
  return variables;
}

const programIn = (folder: string) => path.join(folder, 'objtool');
