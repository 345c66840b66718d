/** System calls, and functions of which gcc has made clones: `.isra`, `.constprop`, `.part`. */
import { type InTreeScenario, step } from './scenario.js';

const utsname = '\tup_read(&uts_sem);\n\tif (copy_to_user(name, &tmp, sizeof(tmp)))\n\t\treturn -EFAULT;\n';
const rest = `
	if (override_release(name->release, sizeof(name->release)))
		return -EFAULT;
	if (override_architecture(name))
		return -EFAULT;
	return 0;
}

#ifdef __ARCH_WANT_SYS_OLD_UNAME`;

export const clones: readonly InTreeScenario[] = [
  {
    name: 'isra',
    title: 'a function with fewer parameters than the source has (isra), of which a system call is made',
    edits: [
      {
        file: 'kernel/sys.c',
        from: '\tinfo->procs = nr_threads;\n',
        to: '\tinfo->procs = nr_threads;\n\tinfo->uptime = 7200;\n',
      },
    ],
    objects: [{ object: 'kernel/sys.o', changedFunctions: ['do_sysinfo.isra.0'] }],
    before: [step("uptime | grep -c 'up  2:00' || true", '0')],
    enabled: [step("uptime | grep -c 'up  2:00'", '1')],
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
        from: `${utsname}${rest}`,
        to: `\tstrscpy(tmp.sysname, "Patched", sizeof(tmp.sysname));\n${utsname}${rest}`,
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
    name: 'part',
    title: 'a function of which the second half is one of its own (part)',
    edits: [
      {
        file: 'fs/statfs.c',
        from: '\tif (!error)\n\t\tbuf->f_flags = calculate_f_flags(path->mnt);\n',
        to: '\tif (!error) {\n\t\tbuf->f_flags = calculate_f_flags(path->mnt);\n\t\tbuf->f_namelen += 1000;\n\t}\n',
      },
    ],
    objects: [{ object: 'fs/statfs.o', changedFunctions: ['vfs_statfs.part.0.isra.0'] }],
    before: [step('stat -f -c %l /proc', '255')],
    enabled: [step('stat -f -c %l /proc', '1255')],
  },
  {
    name: 'constprop',
    title: 'a function that was split, and one half made for a constant (part, constprop)',
    edits: [
      {
        file: 'fs/seq_file.c',
        from: '\t\t\tm->from = offset - pos;\n',
        to: '\t\t\tm->from = offset - pos - (offset == 3);\n',
      },
    ],
    objects: [{ object: 'fs/seq_file.o', changedFunctions: ['traverse.part.0.constprop.0'] }],
    before: [step('dd if=/proc/cpuinfo bs=1 skip=3 count=2 2> /dev/null; echo', 'ce')],
    enabled: [step('dd if=/proc/cpuinfo bs=1 skip=3 count=2 2> /dev/null; echo', 'oc')],
  },
  {
    name: 'lock-class',
    title: 'a function that sets up a lock with a class of its own (__key), called for half of /proc',
    edits: [
      {
        file: 'fs/seq_file.c',
        from: '\tWARN_ON(file->private_data);\n\n\tp = kmem_cache_zalloc(',
        to: '\tWARN_ON(file->private_data);\n\n\tif (!strcmp(current->comm, "tac"))\n\t\treturn -EACCES;\n\tp = kmem_cache_zalloc(',
      },
    ],
    objects: [{ object: 'fs/seq_file.o', changedFunctions: ['seq_open'] }],
    before: [step('tac /proc/cpuinfo | grep -c processor', '1')],
    enabled: [
      step('tac /proc/cpuinfo 2>&1 || true', 'tac: /proc/cpuinfo: Permission denied'),
      step('cat /proc/cpuinfo | grep -c processor', '1'),
    ],
  },
];
