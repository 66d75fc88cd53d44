import type { LockerOpenRequest } from '../../../schemas/entity.ts';
import type { Instant } from '../../../schemas/primitives.ts';
import type { LinkState } from '../../domain/link.ts';
import { html, trusted, type Html } from './html.ts';
import { style } from './style.ts';

export interface LockerPage {
  state: LinkState;
  request: Pick<LockerOpenRequest, 'towerId' | 'locker' | 'flow' | 'link'>;
  /** Where the button goes: the page's own path. */
  action: string;
  /** IANA name. */
  timeZone: string;
  /** The button was pressed without a name. */
  nameMissing?: boolean;
}

/** Longer names are cut, not refused: nobody stands before a locker to be told about limits. */
export const maxNameLength = 100;

/** The page behind a link, for phones and without scripts. Its title says what happened: a screen reader starts there. */
export function renderLockerPage(page: LockerPage): string {
  const { title, mood, content } = describe(page);
  const { locker, towerId } = page.request;
  return layout(
    title,
    mood,
    html`<div class="place">
        <div class="number"><small>Locker </small>${locker}</div>
        <div class="where">Tower<strong>${towerId}</strong></div>
      </div>
      <h1>${title}</h1>
      ${content}`,
  );
}

/** For whatever is no link: it says nothing of what there is. */
export const renderUnknownLink = (): string =>
  layout(
    'This link is not valid',
    'bad',
    html`<h1>This link is not valid</h1>
      <p>Check that it was copied in full, or ask whoever sent it for a new one.</p>`,
  );

/** What `describe` has no state for: nobody stands before a locker to read JSON. `text` is a problem's detail. */
export const renderPageProblem = (text: string): string =>
  layout(
    'That did not work',
    'bad',
    html`<h1>That did not work</h1>
      <p>${text}</p>
      <p>Open the link again. If it stays like this, ask whoever sent it to you.</p>`,
  );

type Mood = 'plain' | 'good' | 'bad';

interface Description {
  title: string;
  mood: Mood;
  content: Html;
}

function describe(page: LockerPage): Description {
  const { state, timeZone } = page;
  const { locker, flow } = page.request;
  switch (state.kind) {
    case 'ready':
      return { title: `Open locker ${locker}`, mood: 'plain', content: form(page) };
    case 'opening':
      return {
        title: `Opening locker ${locker}…`,
        mood: 'plain',
        content: html`<div class="bar"></div>
          <p>The tower was asked to open the door. This page looks again by itself.</p>
          <a class="again" href="${page.action}">Look again now</a>`,
      };
    case 'opened':
      return {
        title: `Locker ${locker} is open`,
        mood: 'good',
        content: html`<p>
            ${flow === 'dropoff' ? 'Put your item in' : 'Take your item out'}, then close the door.
          </p>
          <p class="note">This link was used and opens nothing more.</p>`,
      };
    case 'used':
      return {
        title: 'This link was already used',
        mood: 'plain',
        content: html`<p>It opened locker ${locker} on ${timeOf(state.at, timeZone)}. A link works once.</p>
          <p>If you need to open the locker again, ask whoever sent you the link.</p>`,
      };
    case 'failed':
      return failure(page, state.why);
    case 'expired':
      return over('This link has expired', html`It was valid until ${timeOf(state.at, timeZone)}.`);
    case 'canceled':
      return over('This link was withdrawn', 'Whoever sent it to you has canceled it.');
    case 'outdated':
      return over('This link no longer fits', 'What is in the locker has changed since the link was made.');
  }
}

const over = (title: string, why: string | Html): Description => ({
  title,
  mood: 'bad',
  content: html`<p>${why}</p>
    <p>Ask whoever sent it for a new one.</p>`,
});

/** The tower had the name before. A form without fields would be sent without a body. */
const neverEmpty = html`<input type="hidden" name="again" value="yes" />`;

function failure(page: LockerPage, why: 'refused' | 'offline' | 'unknown'): Description {
  const { locker } = page.request;
  const again = html`<form method="post" action="${page.action}">
      ${neverEmpty}<button>Try again</button>
    </form>
    ${validity(page)}`;
  switch (why) {
    case 'offline':
      return {
        title: 'The tower is offline',
        mood: 'bad',
        content: html`<p>
            It can't be reached at the moment, so locker ${locker} stays closed. Wait a little, then try
            again.
          </p>
          ${again}`,
      };
    case 'refused':
      return {
        title: `Locker ${locker} did not open`,
        mood: 'bad',
        content: html`<p>
            The tower could not open the door. Make sure that nothing blocks it, then try again.
          </p>
          ${again}`,
      };
    case 'unknown':
      return {
        title: `Is locker ${locker} open?`,
        mood: 'plain',
        content: html`<p>The tower did not say. If the door is still closed, try again.</p>
          ${again}`,
      };
  }
}

function form(page: LockerPage): Html {
  const { locker, flow } = page.request;
  const error = html`<p class="error" id="name-error">Enter your name.</p>`;
  return html`<p>
      Stand in front of the tower: the door opens right away.
      ${flow === 'dropoff' ? 'Put your item in' : 'Take your item out'} and close the door.
    </p>
    <form method="post" action="${page.action}">
      <label for="name">Your name</label>
      <input
        id="name"
        name="name"
        type="text"
        autocomplete="name"
        maxlength="${maxNameLength}"
        required
        ${page.nameMissing === true ? trusted('aria-invalid="true" aria-describedby="name-error"') : null}
      />
      ${page.nameMissing === true ? error : null}
      <button>Open locker ${locker}</button>
    </form>
    ${validity(page)}`;
}

const validity = ({ request, timeZone }: LockerPage): Html | null =>
  request.link === undefined
    ? null
    : html`<p class="note">This link works once, until ${timeOf(request.link.expiresAt, timeZone)}.</p>`;

/** "22 Nov 2026, 13:05", where the tower stands. */
const timeOf = (instant: Instant, timeZone: string): Html =>
  html`<time datetime="${instant}"
    >${new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'medium', timeStyle: 'short' }).format(new Date(instant))}</time
  >`;

const layout = (title: string, mood: Mood, content: Html): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        ${trusted(`<style>${style}</style>`)}
      </head>
      <body>
        <main class="${mood}">${content}</main>
      </body>
    </html> `.toString();
