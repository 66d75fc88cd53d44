import { StartError } from './start-error.ts';

/** What a rule's functions see of a message. */
export interface RuleMessage {
  readonly topic: string;
  readonly clientId: string;
  readonly payload: Buffer;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  readonly traceId: string;
}

export interface RuleQuery {
  /** MQTT topic filter. */
  readonly topicFilter: string;
  select(message: RuleMessage): Record<string, string | number>;
}

type Expression = (message: RuleMessage) => string | number;

/** The functions in use, as AWS writes them. Source: IoT Core, "SQL reference, Functions". */
const expressions: Readonly<Record<string, Expression>> = {
  "encode(*, 'base64')": ({ payload }) => payload.toString('base64'),
  'topic()': ({ topic }) => topic,
  'clientid()': ({ clientId }) => clientId,
  'timestamp()': ({ receivedAt }) => receivedAt,
  'traceid()': ({ traceId }) => traceId,
};

const statement = /^\s*SELECT\s+(?<select>.+?)\s+FROM\s+'(?<filter>[^']+)'(?<rest>.*)$/is;
const selected = /^(?<expression>.+?)\s+AS\s+(?<alias>[A-Za-z_]\w*)$/is;

/**
 * Reads `SELECT <expression> AS <name>, … FROM '<topic filter>'`. Whatever it could not evaluate exactly as AWS does
 * (other functions, WHERE, another SQL version) is a StartError that names it.
 */
export function parseRuleSql(sql: string, version: string): RuleQuery {
  if (version !== '2016-03-23') throw refused(`SQL version ${version}`);
  const { select, filter, rest } = statement.exec(sql)?.groups ?? {};
  if (select === undefined || filter === undefined) throw refused(`"${sql}"`);
  if (rest?.trim()) throw refused(`"${rest.trim()}" after FROM`);
  assertTopicFilter(filter);
  const fields = splitList(select).map(parseField);
  const aliases = new Set(fields.map(([alias]) => alias));
  if (aliases.size < fields.length) throw refused('the same name twice in SELECT');
  return {
    topicFilter: filter,
    select: (message) => Object.fromEntries(fields.map(([alias, evaluate]) => [alias, evaluate(message)])),
  };
}

/** Whether a topic matches a filter with `+` (one level) and `#` (all below). Source: MQTT 3.1.1, section 4.7. */
export function matchesTopic(filter: string, topic: string): boolean {
  const [filterLevels, levels] = [filter.split('/'), topic.split('/')];
  // Wildcards in front don't reach the topics that begin with $.
  if (topic.startsWith('$') && filterLevels[0] !== levels[0]) return false;
  if (filterLevels.at(-1) === '#') {
    filterLevels.pop();
    if (levels.length < filterLevels.length) return false;
    levels.length = filterLevels.length;
  }
  return (
    filterLevels.length === levels.length &&
    filterLevels.every((level, index) => level === '+' || level === levels[index])
  );
}

function parseField(field: string): [string, Expression] {
  const { expression = field, alias } = selected.exec(field)?.groups ?? {};
  const evaluate = Object.entries(expressions).find(
    ([name]) => canonical(name) === canonical(expression),
  )?.[1];
  if (!evaluate) throw refused(`"${expression}"`);
  if (alias === undefined) throw refused(`"${field}" without AS`);
  return [alias, evaluate];
}

/** Names of functions are case-insensitive, and blanks mean nothing outside quotes. */
const canonical = (expression: string): string =>
  expression.replaceAll(/'[^']*'|\s+|[^'\s]+/g, (part) =>
    part.startsWith("'") ? part : part.trim().toLowerCase(),
  );

/** Splits at commas outside of parentheses and quotes. */
function splitList(list: string): string[] {
  const items = [''];
  let depth = 0;
  let quoted = false;
  for (const character of list) {
    if (character === "'") quoted = !quoted;
    if (!quoted && character === '(') depth++;
    if (!quoted && character === ')') depth--;
    if (character === ',' && depth === 0 && !quoted) items.push('');
    else items[items.length - 1] += character;
  }
  return items.map((item) => item.trim());
}

function assertTopicFilter(filter: string): void {
  const levels = filter.split('/');
  const valid = levels.every(
    (level, index) => !/[+#]/.test(level) || level === '+' || (level === '#' && index === levels.length - 1),
  );
  if (!valid) throw refused(`topic filter '${filter}'`);
}

const refused = (what: string): StartError =>
  new StartError(
    'rule_sql',
    `the rule's SQL has ${what}, which the local stack can't evaluate: see local/rule-sql.ts`,
  );
