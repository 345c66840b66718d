/** The same on a kernel that is built for indirect branch tracking, and that counts calls where retpolines are too slow. */
import { describeInTree } from './in-tree/run.js';

await describeInTree('6.12', {
  'with call depth tracking': {
    settings: { cpu: 'Skylake-Client-v3', append: 'retbleed=stuff' },
    proof: 'grep -q Stuffing /sys/devices/system/cpu/vulnerabilities/retbleed',
  },
});
