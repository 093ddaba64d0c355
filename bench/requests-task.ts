/** What the load generator is asked for: the same request again and again over some connections. */
export interface RequestsTask {
  kind: 'requests';
  url: string;
  token: string;
  method: 'GET' | 'POST';
  /** Taken in turn. */
  paths: string[];
  body?: object;
  /** The status of an answer that counts; any other ends the benchmark. */
  expected: number;
  connections: number;
  ms: number;
}

export interface RequestsResult {
  elapsed: number;
  /** Of each request, in ms. */
  times: number[];
}
