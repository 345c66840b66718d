import { expect, test } from 'vitest';
import { IncludeGraph } from '../../../src/kbuild/include-graph.js';
import { includesIn } from '../../../src/kbuild/kernel-includes.js';

const scanned = (files: Readonly<Record<string, string>>) =>
  IncludeGraph.of(new Map(Object.entries(files).map(([file, text]) => [file, includesIn(text)])));

const kernel = scanned({
  'fs/proc/meminfo.c': '#include <linux/fs.h>\n#include "internal.h"\n',
  'fs/proc/internal.h': '#include <linux/proc_fs.h>\n',
  'fs/ext4/inode.c': '#include "internal.h"\n',
  'fs/ext4/internal.h': '',
  'include/linux/fs.h': '# include <linux/list.h>\n',
  'include/linux/list.h': '',
  'include/linux/proc_fs.h': '',
  'include/linux/kconfig.h': '',
  'kernel/sched/core.c': '#include "../../fs/proc/internal.h"\n',
  'kernel/sched/build_policy.c': '#include "rt.c"\n',
  'kernel/sched/rt.c': '',
  'drivers/a/main.c': '#include "b/c.h"\n',
  'drivers/inc/b/c.h': '',
});

test('includes are read as they are written, each once', () => {
  const text =
    '#include <a/b.h>\n  #  include "c.h" // why\n#include <a/b.h>\n#include MACRO\nint x; /* #include <no.h> */\n';
  expect(includesIn(text)).toEqual(['a/b.h', '"c.h']);
});

test.each([
  ['a header, in any number of steps', ['include/linux/list.h'], ['fs/proc/meminfo.c']],
  [
    'a quoted header beside the including file, and not its namesake',
    ['fs/proc/internal.h'],
    ['fs/proc/meminfo.c', 'kernel/sched/core.c'],
  ],
  ['the namesake', ['fs/ext4/internal.h'], ['fs/ext4/inode.c']],
  ['a header that only another -I leads to', ['drivers/inc/b/c.h'], ['drivers/a/main.c']],
  ['a C file that another one includes', ['kernel/sched/rt.c'], ['kernel/sched/build_policy.c', 'kernel/sched/rt.c']],
  ['a header that nobody includes', ['include/linux/none.h'], []],
])('%s', (_, touched, sources) => {
  expect([...kernel.sourcesOf(touched)].sort()).toEqual(sources);
});

test('what kbuild includes everywhere reaches every source', () => {
  expect(kernel.sourcesOf(['include/linux/kconfig.h']).size).toBe(6);
});
