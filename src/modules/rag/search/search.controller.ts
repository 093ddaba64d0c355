import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { Access } from '../../../platform/access/access.decorator.js';
import { AsksProviders } from '../../../platform/http/asks-providers.decorator.js';
import { Replay } from '../../../platform/http/idempotency.js';
import { SearchAnswerDto, SearchDto } from './search.dto.js';
import { SearchService } from './search.service.js';

@Controller('rag/search')
export class SearchController {
  constructor(private readonly searching: SearchService) {}

  /** Find the passages that fit a query best. */
  @Post()
  @HttpCode(200)
  @Access({ can: 'rag:read' })
  // As it is found now: results are not kept.
  @Replay<SearchController>((controller, _id, { body }) => controller.search(body as SearchDto))
  @AsksProviders()
  search(@Body() dto: SearchDto): Promise<SearchAnswerDto> {
    return this.searching.search(dto);
  }
}
