/** Static keys, static calls and tracepoints whose keys are in vmlinux. */
import { type InTreeScenario, logged, step } from './scenario.js';

export const keys: readonly InTreeScenario[] = [
  {
    name: 'static-key',
    title: 'a static key of vmlinux, and a static local that was given a value',
    edits: [
      {
        file: 'drivers/char/random.c',
        from: '\t\t\t--maxwarn;\n',
        to: '\t\t\t--maxwarn;\n\t\t\treturn -EIO;\n',
      },
      {
        file: 'drivers/char/random.c',
        from: '\treturn get_random_bytes_user(iter);\n}\n\nstatic ssize_t random_read_iter',
        to: '\tif (crng_ready() && iov_iter_count(iter) == 77)\n\t\treturn maxwarn;\n\treturn get_random_bytes_user(iter);\n}\n\nstatic ssize_t random_read_iter',
      },
    ],
    objects: [{ object: 'drivers/char/random.o', changedFunctions: ['urandom_read_iter'] }],
    before: [step('dd if=/dev/urandom bs=77 count=1 2> /dev/null | wc -c', '77')],
    enabled: [
      step('dd if=/dev/urandom bs=77 count=1 2> /dev/null | wc -c', '10'),
      step('dd if=/dev/urandom bs=78 count=1 2> /dev/null | wc -c', '78'),
    ],
  },
  {
    name: 'static-call',
    title: 'a static call of vmlinux (cond_resched), in a function that is called by pointer',
    edits: [
      {
        file: 'fs/drop_caches.c',
        from: '\tstruct inode *inode, *toput_inode = NULL;\n',
        to: '\tstruct inode *inode, *toput_inode = NULL;\n\n\tif (!strcmp(sb->s_type->name, "bdev"))\n\t\tpr_info("kptool drops pages\\n");\n',
      },
    ],
    objects: [{ object: 'fs/drop_caches.o', changedFunctions: ['drop_pagecache_sb'] }],
    before: [logged('kptool drops pages', 'echo 1 > /proc/sys/vm/drop_caches', 0)],
    enabled: [logged('kptool drops pages', 'echo 1 > /proc/sys/vm/drop_caches', 1)],
  },
  {
    name: 'tracepoint',
    title: 'a tracepoint of vmlinux',
    edits: [
      {
        file: 'fs/proc/base.c',
        from: '\ttrace_oom_score_adj_update(task);\n',
        to: '\tif (oom_adj < 500)\n\t\ttrace_oom_score_adj_update(task);\n',
      },
    ],
    // The function that `warned-once` changes, too.
    objects: [],
    prepare: ['echo 1 > /sys/kernel/tracing/events/oom/oom_score_adj_update/enable'],
    before: [traced(400, 1), traced(700, 1)],
    enabled: [traced(400, 1), traced(700, 0)],
  },
];

/** How often the tracepoint was hit when the value was written. */
function traced(value: number, count: number) {
  const trace = '/sys/kernel/tracing/trace';
  return step(
    `: > ${trace}; echo ${value} > /proc/self/oom_score_adj; grep -c oom_score_adj_update: ${trace} || true`,
    String(count),
  );
}
