/** The CPUs whose objects kptool understands. To add one: write its file and put it here. */

import { aarch64 } from './aarch64.js';
import type { Arch } from './arch.js';
import { loongarch64 } from './loongarch64.js';
import { ppc64le } from './ppc64le.js';
import { s390x } from './s390x.js';
import { x86_64 } from './x86-64.js';

export const knownArchs: readonly Arch[] = [x86_64, ppc64le, s390x, aarch64, loongarch64];
