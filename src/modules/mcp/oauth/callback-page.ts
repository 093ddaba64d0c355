import type { Response } from 'express';
import { asDomainError } from '../../../platform/http/error-body.js';
import type { OAuthConnectedDto } from './oauth.dto.js';

/**
 * What a person sees who comes back from an authorization server: a few words of ours and a name that holds no more than
 * letters, never what the request brought. Programs get JSON, and errors as everywhere.
 */
export async function showOutcome(
  response: Response,
  accept: string,
  finish: () => Promise<OAuthConnectedDto>,
): Promise<void> {
  if (!/\btext\/html\b/.test(accept)) {
    response.json(await finish());
    return;
  }
  const show = (status: number, words: string) => response.status(status).type('html').send(page(words));
  try {
    const { serverName } = await finish();
    show(200, `The account with ${serverName} is connected. You can close this window.`);
  } catch (error) {
    const { status, code, message } = asDomainError(error);
    if (code === 'internal_error') throw error;
    show(status, `The account was not connected. ${escaped(message)}.`);
  }
}

function page(words: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Atrium</title><p>${words}</p></html>\n`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
