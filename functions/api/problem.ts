/** One wrong place in a request: a JSON pointer (RFC 6901) into body, query or path, and what is wrong there. */
export interface FieldError {
  /** `/body/lockers/0/locker`, `/query/limit`, `/path/towerId`, `/header/if-match` */
  pointer: string;
  detail: string;
}

export interface ProblemOptions {
  errors?: readonly FieldError[];
  headers?: Readonly<Record<string, string>>;
}

/** RFC 9457's "title": the same for every problem of a status. */
const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/**
 * What a request gets instead of its answer, as `application/problem+json` (RFC 9457). `code` is stable: partners'
 * programs may rest on it. `detail` is for people, and never quotes secrets or internals.
 */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, detail: string, options: ProblemOptions = {}) {
    super(detail);
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.errors = options.errors ?? [];
    this.headers = options.headers ?? {};
  }

  /** The body. */
  toJSON() {
    const { status, code, detail, errors } = this;
    return {
      // No page stands behind it, so the code is the whole difference. RFC 9457, section 4.2.1.
      type: 'about:blank',
      title: titles[status] ?? 'Error',
      status,
      detail,
      code,
      ...(errors.length > 0 && { errors }),
    };
  }
}

/** For one wrong field that no schema could tell. */
export const invalidField = (pointer: string, detail: string): Problem =>
  new Problem(400, 'validation_failed', 'One field is not valid.', { errors: [{ pointer, detail }] });

/** For what does not exist and for what belongs to somebody else: nobody learns which. */
export const notFound = (detail = 'There is no such resource.'): Problem =>
  new Problem(404, 'not_found', detail);

/** What is there, and only another release can read: while one is deployed, or after one was taken back. */
export const unreadable = (): Problem =>
  new Problem(503, 'event_unreadable', 'An event can not be read just now. Nothing is lost: try again.', {
    headers: { 'retry-after': '30' },
  });

/** Somebody else changed it in between, again and again: the caller may send the same request once more. */
export const contended = (): Problem =>
  new Problem(409, 'conflict', 'It is being changed by another request. Try again.', {
    headers: { 'retry-after': '1' },
  });
