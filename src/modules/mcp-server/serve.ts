import type { Request, Response } from 'express';
import { answerMcp, transportOnce } from './mcp-transport.js';
import type { Offers } from './offers.service.js';
import { OurMcpServer } from './our-mcp-server.js';

export type Serve = (request: Request, response: Response) => Promise<void>;

/** Our MCP server for requests whose source and caller are known and whose body is read. */
export function serveMcp(offers: Offers): Serve {
  const ours = new OurMcpServer(offers);
  return (request, response) =>
    answerMcp(request, response, (_request, _response, messages) => transportOnce(ours.make(), response, messages));
}
