import { describe, expect, test } from 'vitest';
import { findTroubles } from '../../boot/troubles.js';

const quiet = `[    0.000000] Linux version 6.1.0
[    1.000000] ib_mad: loading out-of-tree module taints kernel.
[    2.000000] livepatch: enabling patch 'livepatch_a'
[    2.100000] livepatch: 'livepatch_a': starting patching transition
[    3.000000] livepatch: 'livepatch_a': patching complete
`;

const warning = `[    4.000000] ------------[ cut here ]------------
[    4.000001] WARNING: CPU: 0 PID: 77 at /tmp/smi.c:52 smi_process+0x5d/0x70 [ib_mad]
[    4.000002] Call Trace:
[    4.000003]  <TASK>
[    4.000004] ---[ end trace 0000000000000000 ]---
`;

describe('findTroubles', () => {
  test('finds none in an ordinary log', () => {
    expect(findTroubles(quiet)).toEqual([]);
  });

  test('takes a marked block for one trouble', () => {
    const troubles = findTroubles(`${quiet}${warning}${quiet}`);
    expect(troubles).toEqual([{ line: warning.split('\n')[1], block: warning.trimEnd() }]);
  });

  test('leaves out what is expected, and nothing else', () => {
    expect(findTroubles(warning, [/smi\.c:\d+ smi_process/])).toEqual([]);
    expect(findTroubles(`${warning}${warning.replaceAll('smi_', 'cm_')}`, [/smi\.c:\d+ smi_process/])).toHaveLength(1);
  });

  test.each([
    'BUG: unable to handle page fault for address: 0000000000000010',
    'Oops: 0000 [#1] PREEMPT SMP NOPTI',
    'Call Trace:',
    "livepatch: failed to initialize patch 'livepatch_a' for module 'ib_mad' (-22)",
    "livepatch: symbol 'cm_show' not found in symbol table",
    'livepatch_a: Unknown symbol cm_show (err -2)',
    'Unpatched return thunk in use. This should not happen!',
    'rcu: INFO: rcu_preempt self-detected stall on CPU',
    'watchdog: BUG: soft lockup - CPU#0 stuck for 22s!',
  ])('%s', (line) => {
    expect(findTroubles(`${quiet}[    5.000000] ${line}\n`)).toHaveLength(1);
  });
});
