/** New data, new functions, new files, and texts. */
import { type InTreeScenario, step } from './scenario.js';

export const data: readonly InTreeScenario[] = [
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
    name: 'new-file',
    title: 'a new source file that the makefile lists, what the kernel was started with, a message with many arguments',
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

	pr_warn_once("kptool says: %d %s %c %lx %u %llu %hhx %zu %pe\\n", 1, "two", '3', 4ul, 5u, 6ull, 7, (size_t)8, ERR_PTR(-9));
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
      step("dmesg | sed -n 's/.*kptool says: //p' | tail -n 1", '1 two 3 4 5 6 7 8 -EBADF'),
    ],
  },
];
