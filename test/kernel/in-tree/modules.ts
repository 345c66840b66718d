/** The kernel and a module in one livepatch: functions, callbacks, shadow variables, a system call. */
import { type InTreeScenario, step } from './scenario.js';

const macros = '#include <linux/printk.h>\n#include "kpatch-macros.h"\n';

/** A callback that only says that it was called, as `kptool: pre-patch module`. */
function callback(
  where: 'kernel' | 'module',
  when: 'pre-patch' | 'post-patch' | 'pre-unpatch' | 'post-unpatch',
): string {
  const name = `kptool_${where}_${when.replace('-', '_')}`;
  const [result, end] = when === 'pre-patch' ? ['int', '\treturn 0;\n'] : ['void', ''];
  return `
static ${result} ${name}(patch_object *object)
{
	pr_info("kptool: ${when} ${where}\\n");
${end}}
KPATCH_${when.toUpperCase().replace('-', '_')}_CALLBACK(${name});
`;
}

/** The kernel calls those of its objects in no order that is promised. */
const lastMessages = (count: number, ...sorted: string[]) =>
  step(`dmesg | sed -n 's/.*kptool: //p' | tail -n ${count} | sort`, ...sorted);

export const modules: readonly InTreeScenario[] = [
  {
    name: 'module-and-vmlinux',
    title: 'a function of the kernel and one of a module',
    edits: [
      { file: 'net/8021q/vlanproc.c', from: '"VLAN Dev name\t', to: '"VLAN Dev name, patched\t' },
      {
        file: 'fs/proc/version.c',
        from: '\tseq_printf(m, linux_proc_banner,',
        to: '\tseq_puts(m, "patched ");\n\tseq_printf(m, linux_proc_banner,',
      },
    ],
    objects: [
      { object: 'net/8021q/vlanproc.o', module: '8021q', changedFunctions: ['vlan_seq_show'] },
      { object: 'fs/proc/version.o', changedFunctions: ['version_proc_show'] },
    ],
    before: [
      step('head -n 1 /proc/net/vlan/config', 'VLAN Dev name\t | VLAN ID'),
      step('cut -c1-7 /proc/version', 'Linux v'),
    ],
    enabled: [
      step('head -n 1 /proc/net/vlan/config', 'VLAN Dev name, patched\t | VLAN ID'),
      step('cut -c1-7 /proc/version', 'patched'),
    ],
  },
  {
    name: 'callbacks',
    title: 'callbacks of the kernel and of a module, beside the functions of the same sources',
    edits: [
      {
        file: 'fs/proc/version.c',
        from: '#include "internal.h"\n',
        to: `#include "internal.h"\n${macros}${callback('kernel', 'pre-patch')}${callback('kernel', 'post-patch')}${callback('kernel', 'pre-unpatch')}`,
      },
      {
        file: 'net/8021q/vlanproc.c',
        from: '#include "vlan.h"\n',
        to: `#include "vlan.h"\n${macros}${callback('module', 'pre-patch')}${callback('module', 'post-unpatch')}`,
      },
    ],
    objects: [
      {
        object: 'net/8021q/vlanproc.o',
        module: '8021q',
        newFunctions: ['kptool_module_post_unpatch', 'kptool_module_pre_patch'],
        callbacks: ['pre_patch kptool_module_pre_patch', 'post_unpatch kptool_module_post_unpatch'],
      },
      {
        object: 'fs/proc/version.o',
        newFunctions: ['kptool_kernel_post_patch', 'kptool_kernel_pre_patch', 'kptool_kernel_pre_unpatch'],
        callbacks: [
          'pre_patch kptool_kernel_pre_patch',
          'post_patch kptool_kernel_post_patch',
          'pre_unpatch kptool_kernel_pre_unpatch',
        ],
      },
    ],
    before: [step('true')],
    enabled: [lastMessages(3, 'post-patch kernel', 'pre-patch kernel', 'pre-patch module')],
    disabled: [lastMessages(2, 'post-unpatch module', 'pre-unpatch kernel')],
  },
  {
    name: 'shadow-variable',
    title: 'a shadow variable for each file system, and a callback that takes them all away',
    edits: [
      {
        file: 'fs/filesystems.c',
        from: '#include <linux/fs_parser.h>\n',
        to: `#include <linux/fs_parser.h>
#include <linux/livepatch.h>
#include "kpatch-macros.h"

#define KPTOOL_READS 7

static void kptool_forget(patch_object *object)
{
	klp_shadow_free_all(KPTOOL_READS, NULL);
}
KPATCH_POST_UNPATCH_CALLBACK(kptool_forget);
`,
      },
      {
        file: 'fs/filesystems.c',
        from: '\t\tseq_printf(m, "%s\\t%s\\n",',
        to: `		unsigned int *reads = klp_shadow_get_or_alloc(tmp, KPTOOL_READS, sizeof(*reads), GFP_ATOMIC, NULL, NULL);

		seq_printf(m, "%u ", reads ? ++*reads : 0);
		seq_printf(m, "%s\\t%s\\n",`,
      },
    ],
    objects: [
      {
        object: 'fs/filesystems.o',
        changedFunctions: ['filesystems_proc_show'],
        newFunctions: ['kptool_forget'],
        callbacks: ['post_unpatch kptool_forget'],
      },
    ],
    warnings: ['include-beside-exports'],
    before: [step("grep -c 'nodev.tmpfs' /proc/filesystems", '1')],
    enabled: [
      step("grep -o '.* nodev.tmpfs' /proc/filesystems", '1 nodev\ttmpfs'),
      step("grep -o '.* nodev.tmpfs' /proc/filesystems", '2 nodev\ttmpfs'),
    ],
  },
];
