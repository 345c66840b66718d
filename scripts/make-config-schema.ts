/** Writes docs/kpatch.config.schema.json from the schema in src/cli/config-schema.ts; run by `npm run config-schema`. */
import { writeFileSync } from 'node:fs';
import { configSchemaText } from '../src/cli/config-schema.js';

// The program runs in the project's folder, as npm starts it.
writeFileSync('docs/kpatch.config.schema.json', configSchemaText());
