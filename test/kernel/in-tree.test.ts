import { describeInTree } from './in-tree/run.js';

await describeInTree('6.1');
