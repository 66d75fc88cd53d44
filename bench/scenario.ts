import type { OrderAccount } from './load/ledger.ts';

/** What every scenario gets. */
export interface ScenarioContext {
  /** For data and logs; removed at the end. */
  readonly folder: string;
  /** The synthesized stack of stage `local`. */
  readonly assembly: string;
  /** Short versions: the figures mean little then, the checks hold all the same. */
  readonly quick: boolean;
  /** A git revision to compare with, where that is what the scenario does. */
  readonly against: string;
  /** A line on progress. */
  readonly say: (line: string) => void;
}

/** Something that must be so. */
export interface Check {
  readonly what: string;
  readonly measured: string;
  readonly aim: string;
  readonly holds: boolean;
}

export type Row = readonly [label: string, ...values: string[]];

export interface Section {
  readonly title: string;
  readonly header: Row;
  readonly rows: readonly Row[];
}

export interface ScenarioResult {
  /** Everything that was measured, for the JSON. */
  readonly figures: unknown;
  readonly checks: readonly Check[];
  /** For people. */
  readonly sections: readonly Section[];
}

export interface Scenario {
  readonly name: string;
  /** One line. */
  readonly describes: string;
  /** Only run when asked for by name. */
  readonly onDemand?: boolean;
  run(context: ScenarioContext): Promise<ScenarioResult>;
}

export const fixed = (value: number, digits = 2): string => value.toFixed(digits);

export const atMost = (what: string, value: number, limit: number, unit = ''): Check => ({
  what,
  measured: `${Number.isInteger(value) ? value : fixed(value)}${unit}`,
  aim: `≤ ${limit}${unit}`,
  holds: value <= limit,
});

export const moreThan = (what: string, count: number, limit: number): Check => ({
  what,
  measured: String(count),
  aim: `> ${limit}`,
  holds: count > limit,
});

/** What an ordered endpoint may never see, in any scenario. */
export const inOrder = (
  scenario: string,
  { outOfOrder, badSequences, unsequenced }: OrderAccount,
): readonly Check[] => [
  none(`${scenario}: out of order`, outOfOrder),
  none(`${scenario}: sequence headers with a jump or another predecessor`, badSequences),
  none(`${scenario}: requests without sequence headers`, unsequenced),
];

export const none = (what: string, count: number): Check => ({
  what,
  measured: String(count),
  aim: '0',
  holds: count === 0,
});
