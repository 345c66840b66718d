import { describe, expect, test } from 'vitest';
import { loadOrder, parseDependencies } from '../../boot/installed-modules.js';

const dependencies = parseDependencies(`kernel/core/ib_core.ko:
kernel/core/ib_cm.ko.xz: kernel/core/ib_core.ko
kernel/sw/rdma-rxe.ko: kernel/core/ib_uverbs.ko kernel/core/ib_core.ko kernel/net/udp_tunnel.ko
`);

describe('loadOrder', () => {
  test('what a module needs comes before it, once', () => {
    expect(loadOrder(dependencies, ['ib_cm', 'rdma_rxe'])).toEqual([
      { name: 'ib_core', file: 'kernel/core/ib_core.ko' },
      { name: 'ib_cm', file: 'kernel/core/ib_cm.ko.xz' },
      { name: 'udp_tunnel', file: 'kernel/net/udp_tunnel.ko' },
      { name: 'ib_uverbs', file: 'kernel/core/ib_uverbs.ko' },
      { name: 'rdma_rxe', file: 'kernel/sw/rdma-rxe.ko' },
    ]);
  });

  test('a module that is not installed is named', () => {
    expect(() => loadOrder(dependencies, ['ib_mad'])).toThrow('module ib_mad is not installed');
  });
});
