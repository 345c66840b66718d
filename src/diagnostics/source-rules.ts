/** The rules that are decided from the source of a patch, before anything is compiled. */
import { messagesOfRules } from './rule.js';
import { sourceAuthorRules } from './source-author-rules.js';
import { sourceDataRules } from './source-data-rules.js';
import { sourceFileRules } from './source-file-rules.js';
import { sourceFunctionRules } from './source-function-rules.js';

export const sourceRules = { ...sourceFileRules, ...sourceFunctionRules, ...sourceDataRules, ...sourceAuthorRules };

export const sourceRuleMessages = messagesOfRules(sourceRules);
