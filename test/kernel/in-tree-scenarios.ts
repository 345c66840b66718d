/**
 * Patches to the kernel's own source, as edits of its text: a word here, a line there, so that they fit whatever the archive
 * has as its newest version. What the build must say and a booted kernel show of each is written as in fixtures/patches.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { LiveScenario, StoppedScenario } from './scenario.js';

/** A text that stands in the file once, and what the patch makes of it; without `from` the file is new. */
interface Edit {
  readonly file: string;
  readonly from?: string;
  readonly to: string;
}

type Step = LiveScenario['before'][number];
type Builds = LiveScenario['build']['objects'][number];

interface Live {
  readonly name: string;
  readonly title: string;
  readonly edits: readonly Edit[];
  readonly objects: readonly (Partial<Builds> & Pick<Builds, 'object'>)[];
  readonly warnings?: readonly string[];
  readonly before: readonly Step[];
  readonly enabled: readonly Step[];
  readonly disabled?: readonly Step[];
}

interface Stopped {
  readonly name: string;
  readonly title: string;
  readonly edits: readonly Edit[];
  readonly build: StoppedScenario['build'];
  /** For the build. */
  readonly options?: readonly string[];
}

export type StoppedInTree = StoppedScenario & { readonly options: readonly string[] };

const step = (run: string, ...output: string[]): Step => ({ run, output, status: 0 });

const live: readonly Live[] = [
  {
    name: 'proc-text',
    title: 'a text in /proc, in a line of its own that moves the lines behind it',
    edits: [
      {
        file: 'fs/proc/meminfo.c',
        from: '\tshow_val_kb(m, "VmallocChunk:   ", 0ul);\n',
        to: '\t/* Nobody knows. */\n\tshow_val_kb(m, "VmallocPatched: ", 0ul);\n',
      },
    ],
    objects: [{ object: 'fs/proc/meminfo.o', changedFunctions: ['meminfo_proc_show'] }],
    before: [step("grep -o '^Vmalloc[CP][a-z]*' /proc/meminfo", 'VmallocChunk')],
    enabled: [step("grep -o '^Vmalloc[CP][a-z]*' /proc/meminfo", 'VmallocPatched')],
  },
  {
    name: 'new-data-and-function',
    title: 'a new static variable, and a new function that counts in it',
    edits: [
      {
        file: 'fs/proc/softirqs.c',
        from: '/*\n * /proc/softirqs ',
        to: `static unsigned int kptool_reads;

static noinline void kptool_count(struct seq_file *p)
{
	seq_printf(p, "reads %u\\n", ++kptool_reads);
}

/*
 * /proc/softirqs `,
      },
      { file: 'fs/proc/softirqs.c', from: '\tint i, j;\n', to: '\tint i, j;\n\n\tkptool_count(p);\n' },
    ],
    objects: [{ object: 'fs/proc/softirqs.o', changedFunctions: ['show_softirqs'], newFunctions: ['kptool_count'] }],
    before: [step('grep -c CPU0 /proc/softirqs', '1')],
    enabled: [step('head -n 1 /proc/softirqs', 'reads 1'), step('head -n 1 /proc/softirqs', 'reads 2')],
  },
  {
    name: 'new-global',
    title: 'a new global of one object, used by another one',
    edits: [
      {
        file: 'fs/proc/loadavg.c',
        from: 'static int loadavg_proc_show',
        to: 'unsigned long kptool_loads;\n\nstatic int loadavg_proc_show',
      },
      { file: 'fs/proc/loadavg.c', from: '\tget_avenrun(avnrun,', to: '\tkptool_loads++;\n\tget_avenrun(avnrun,' },
      {
        file: 'fs/proc/uptime.c',
        from: 'static int uptime_proc_show',
        to: 'extern unsigned long kptool_loads;\n\nstatic int uptime_proc_show',
      },
      {
        file: 'fs/proc/uptime.c',
        from: '\tktime_get_boottime_ts64(&uptime);\n',
        to: '\tseq_printf(m, "loads %lu\\n", kptool_loads);\n\tktime_get_boottime_ts64(&uptime);\n',
      },
    ],
    objects: [
      { object: 'fs/proc/loadavg.o', changedFunctions: ['loadavg_proc_show'] },
      { object: 'fs/proc/uptime.o', changedFunctions: ['uptime_proc_show'] },
    ],
    before: [step('grep -c loads /proc/uptime || true', '0')],
    enabled: [
      step('cat /proc/loadavg /proc/loadavg > /dev/null; head -n 1 /proc/uptime', 'loads 2'),
      step('cat /proc/loadavg > /dev/null; head -n 1 /proc/uptime', 'loads 3'),
    ],
  },
  {
    name: 'module-and-vmlinux',
    title: 'a function of the kernel and one of a module',
    edits: [
      { file: 'fs/fscache/stats.c', from: '"FS-Cache statistics\\n"', to: '"FS-Cache statistics, patched\\n"' },
      {
        file: 'fs/proc/version.c',
        from: '\tseq_printf(m, linux_proc_banner,',
        to: '\tseq_puts(m, "patched ");\n\tseq_printf(m, linux_proc_banner,',
      },
    ],
    objects: [
      { object: 'fs/fscache/stats.o', module: 'fscache', changedFunctions: ['fscache_stats_show'] },
      { object: 'fs/proc/version.o', changedFunctions: ['version_proc_show'] },
    ],
    before: [
      step('head -n 1 /proc/fs/fscache/stats', 'FS-Cache statistics'),
      step('cut -c1-7 /proc/version', 'Linux v'),
    ],
    enabled: [
      step('head -n 1 /proc/fs/fscache/stats', 'FS-Cache statistics, patched'),
      step('cut -c1-7 /proc/version', 'patched'),
    ],
  },
  {
    name: 'callbacks',
    title: 'callbacks of the kernel and of a module, and nothing else',
    edits: [
      {
        file: 'fs/proc/consoles.c',
        from: 'static int show_console_dev',
        to: `${callbacks('kernel')}\nstatic int show_console_dev`,
      },
      {
        file: 'fs/fscache/proc.c',
        from: '#include "internal.h"\n',
        to: `#include "internal.h"\n${callbacks('module')}`,
      },
    ],
    objects: [
      {
        object: 'fs/fscache/proc.o',
        module: 'fscache',
        newFunctions: ['kptool_module_after', 'kptool_module_before'],
        callbacks: ['pre_patch kptool_module_before', 'post_unpatch kptool_module_after'],
      },
      {
        object: 'fs/proc/consoles.o',
        newFunctions: ['kptool_kernel_after', 'kptool_kernel_before'],
        callbacks: ['pre_patch kptool_kernel_before', 'post_unpatch kptool_kernel_after'],
      },
    ],
    before: [step("dmesg | grep -c 'kptool: ' || true", '0')],
    enabled: [step("dmesg | sed -n 's/.*kptool: //p' | sort", 'before kernel', 'before module')],
    disabled: [step("dmesg | sed -n 's/.*kptool: //p' | sort | head -n 2", 'after kernel', 'after module')],
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
  {
    name: 'system-call',
    title: 'a system call: what uname says',
    edits: [
      {
        file: 'kernel/sys.c',
        from: 'SYSCALL_DEFINE1(newuname,',
        to: '#include "kpatch-macros.h"\nKPATCH_SYSCALL_DEFINE1(newuname,',
      },
      {
        file: 'kernel/sys.c',
        from: '\tup_read(&uts_sem);\n\tif (copy_to_user(name, &tmp, sizeof(tmp)))\n\t\treturn -EFAULT;\n\n\tif (override_release(name->release, sizeof(name->release)))\n\t\treturn -EFAULT;\n\tif (override_architecture(name))\n\t\treturn -EFAULT;\n\treturn 0;\n}\n\n#ifdef __ARCH_WANT_SYS_OLD_UNAME',
        to: '\tup_read(&uts_sem);\n\tstrscpy(tmp.sysname, "Patched", sizeof(tmp.sysname));\n\tif (copy_to_user(name, &tmp, sizeof(tmp)))\n\t\treturn -EFAULT;\n\n\tif (override_release(name->release, sizeof(name->release)))\n\t\treturn -EFAULT;\n\tif (override_architecture(name))\n\t\treturn -EFAULT;\n\treturn 0;\n}\n\n#ifdef __ARCH_WANT_SYS_OLD_UNAME',
      },
    ],
    objects: [
      {
        object: 'kernel/sys.o',
        changedFunctions: ['__ia32_sys_newuname', '__x64_sys_newuname'],
        newFunctions: ['kpatch_do_sys_newuname'],
      },
    ],
    before: [step('uname -s', 'Linux')],
    enabled: [step('uname -s', 'Patched')],
  },
  {
    name: 'new-file',
    title: 'a new source file that the makefile lists, and a message that is printed once',
    edits: [
      {
        file: 'fs/proc/Makefile',
        from: 'proc-y\t+= meminfo.o\n',
        to: 'proc-y\t+= meminfo.o\nproc-y\t+= kptool-new.o\n',
      },
      {
        file: 'fs/proc/kptool-new.c',
        to: `#include <linux/seq_file.h>
#include <linux/printk.h>

void kptool_new(struct seq_file *m);

void kptool_new(struct seq_file *m)
{
	static int lines;

	pr_warn_once("kptool says: %d %s %c %lx %u %llu %p\\n", 1, "two", '3', 4ul, 5u, 6ull, NULL);
	seq_printf(m, "line %d: ", ++lines);
}
`,
      },
      {
        file: 'fs/proc/cmdline.c',
        from: 'static int cmdline_proc_show',
        to: 'void kptool_new(struct seq_file *m);\n\nstatic int cmdline_proc_show',
      },
      {
        file: 'fs/proc/cmdline.c',
        from: '\tseq_puts(m, saved_command_line);\n',
        to: '\tkptool_new(m);\n\tseq_puts(m, saved_command_line);\n',
      },
    ],
    objects: [
      { object: 'fs/proc/cmdline.o', changedFunctions: ['cmdline_proc_show'] },
      { object: 'fs/proc/kptool-new.o', newFunctions: ['kptool_new'] },
    ],
    before: [step('cut -c1-7 /proc/cmdline', 'console')],
    enabled: [
      step('cut -c1-16 /proc/cmdline', 'line 1: console='),
      step('cut -c1-16 /proc/cmdline', 'line 2: console='),
      step("dmesg | sed -n 's/.*kptool says: //p' | cut -c1-13", '1 two 3 4 5 6'),
    ],
  },
];

function callbacks(where: string): string {
  const callback = (
    when: string,
    result: string,
    end: string,
  ) => `static ${result} kptool_${where}_${when}(patch_object *object)
{
	pr_info("kptool: ${when} ${where}\\n");
${end}}
`;
  return `#include <linux/printk.h>
#include "kpatch-macros.h"

${callback('before', 'int', '\treturn 0;\n')}KPATCH_PRE_PATCH_CALLBACK(kptool_${where}_before);

${callback('after', 'void', '')}KPATCH_POST_UNPATCH_CALLBACK(kptool_${where}_after);
`;
}

const refused = (code: string) => ({ outcome: 'refused', code }) as const;

const stopped: readonly Stopped[] = [
  {
    name: 'lines-moved',
    title: 'lines that move a whole file, with a WARN in it, and a comment within a macro call of several lines',
    edits: [
      {
        file: 'fs/proc/generic.c',
        from: '#include <linux/cache.h>\n',
        to: '/* One line,\n * and another. */\n#include <linux/cache.h>\n',
      },
      {
        file: 'fs/proc/loadavg.c',
        from: '\t\tLOAD_INT(avnrun[1]), LOAD_FRAC(avnrun[1]),\n',
        to: '\t\t/* Five minutes. */\n\t\tLOAD_INT(avnrun[1]), LOAD_FRAC(avnrun[1]),\n',
      },
    ],
    build: { outcome: 'unchanged' },
  },
  {
    name: 'boot-only',
    title: 'a function that runs at boot only',
    edits: [
      {
        file: 'fs/proc/cmdline.c',
        from: 'proc_create_single("cmdline", 0,',
        to: 'proc_create_single("cmdline", 0400,',
      },
    ],
    build: refused('init-function-touched'),
  },
  {
    name: 'left-out',
    title: 'a source that the configuration leaves out',
    edits: [
      {
        file: 'fs/proc/nommu.c',
        from: '#include <linux/init.h>\n',
        to: '#include <linux/init.h>\nint kptool_nommu;\n',
      },
    ],
    build: refused('source-not-in-kernel'),
  },
  {
    name: 'initial-value',
    title: 'another initial value of data that is in memory',
    edits: [
      { file: 'kernel/panic.c', from: '\nint panic_timeout = CONFIG_PANIC_TIMEOUT;', to: '\nint panic_timeout = 77;' },
    ],
    build: refused('data-changed'),
  },
  {
    name: 'new-file-unlisted',
    title: 'a new source file that no makefile lists',
    edits: [{ file: 'fs/proc/kptool-lost.c', to: 'int kptool_lost;\n' }],
    build: refused('source-not-in-kernel'),
  },
  {
    name: 'wide-header',
    title: 'a header that more sources include than are allowed',
    edits: [{ file: 'fs/proc/internal.h', from: 'union proc_op {\n', to: 'struct kptool;\n\nunion proc_op {\n' }],
    options: ['--max-objects', '5'],
    build: refused('too-many-objects'),
  },
];

/** The patches that the edits make of the source at `tree`, written to `folder`. */
export async function inTreeScenarios(
  tree: string,
  folder: string,
): Promise<{ readonly live: LiveScenario[]; readonly stopped: StoppedInTree[] }> {
  await mkdir(folder, { recursive: true });
  const patchOf = async ({ name, edits }: Live | Stopped) => {
    const file = path.join(folder, `${name}.patch`);
    await writeFile(file, await patchText(tree, edits, path.join(folder, name)));
    return { name, patches: [path.basename(file)], patchFiles: [file] };
  };
  return {
    live: await Promise.all(
      live.map(async ({ title, objects, warnings = [], ...scenario }): Promise<LiveScenario> => {
        const whole = { module: 'vmlinux', changedFunctions: [], newFunctions: [], callbacks: [] };
        const build = {
          outcome: 'built' as const,
          objects: objects.map((object) => ({ ...whole, ...object })),
          objectsOn: {},
          warnings: [...warnings],
        };
        const { before, enabled, disabled } = scenario;
        const steps = { before: [...before], enabled: [...enabled], ...(disabled ? { disabled: [...disabled] } : {}) };
        return {
          ...(await patchOf({ title, objects, ...scenario })),
          title,
          build,
          onlyOn: ['6.1'],
          prepare: [],
          troubles: [],
          ...steps,
        };
      }),
    ),
    stopped: await Promise.all(
      stopped.map(
        async (scenario): Promise<StoppedInTree> => ({
          options: scenario.options ?? [],
          onlyOn: ['6.1'],
          ...(await patchOf(scenario)),
          title: scenario.title,
          build: scenario.build,
        }),
      ),
    ),
  };
}

async function patchText(tree: string, edits: readonly Edit[], folder: string): Promise<string> {
  const texts = new Map<string, { before: string | undefined; after: string }>();
  for (const { file, from, to } of edits) {
    const before =
      texts.get(file)?.before ?? (from === undefined ? undefined : await readFile(path.join(tree, file), 'utf8'));
    const text = texts.get(file)?.after ?? before ?? '';
    if (from !== undefined && text.split(from).length !== 2) throw new Error(`${file}: not there once: ${from}`);
    texts.set(file, { before, after: from === undefined ? to : text.replace(from, () => to) });
  }
  const patches: string[] = [];
  for (const [file, { before, after }] of texts) {
    const [old, fresh] = [path.join(folder, 'a', file), path.join(folder, 'b', file)];
    await mkdir(path.dirname(old), { recursive: true });
    await mkdir(path.dirname(fresh), { recursive: true });
    if (before !== undefined) await writeFile(old, before);
    await writeFile(fresh, after);
    const labels = [before === undefined ? '/dev/null' : `a/${file}`, `b/${file}`];
    patches.push(await difference(before === undefined ? '/dev/null' : old, fresh, labels));
  }
  return patches.join('');
}

/** diff ends with 1 where the files differ. */
function difference(old: string, fresh: string, labels: readonly string[]): Promise<string> {
  const words = ['-u', ...labels.flatMap((label) => ['--label', label]), old, fresh];
  return new Promise((resolve, reject) => {
    execFile('diff', words, (error, stdout) => (stdout === '' ? reject(error) : resolve(stdout)));
  });
}
