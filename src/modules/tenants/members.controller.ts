import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiConflictResponse } from '@nestjs/swagger';
import { Access } from '../../platform/access/access.decorator.js';
import { Id } from '../../platform/http/id.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { PathResource } from '../../platform/http/path-resource.js';
import { AddMemberDto, ListMembersQuery, MemberDto, MemberPage, UpdateMemberDto } from './members.dto.js';
import { MembersService } from './members.service.js';

@Controller('members')
@PathResource(MembersService, 'require', 'userId')
export class MembersController {
  constructor(private readonly members: MembersService) {}

  /** A user new to the installation becomes a member at once; an existing one is invited and has to accept. */
  @Post()
  @Access({ can: 'members:create' })
  @ApiConflictResponse({ description: 'A member already, or invited' })
  @Replay((controller: MembersController, userId) => controller.get(userId), { ref: (body: MemberDto) => body.userId })
  add(@Body() dto: AddMemberDto): Promise<MemberDto> {
    return this.members.add(dto);
  }

  @Get()
  @Access({ can: 'members:read' })
  list(@Query() query: ListMembersQuery): Promise<MemberPage> {
    return this.members.list(query);
  }

  @Get(':userId')
  @Access({ can: 'members:read' })
  get(@Id('userId') userId: string): Promise<MemberDto> {
    return this.members.get(userId);
  }

  @Patch(':userId')
  @Access({ can: 'members:update' })
  @ApiConflictResponse({ description: 'The last owner' })
  update(@Id('userId') userId: string, @Body() dto: UpdateMemberDto): Promise<MemberDto> {
    return this.members.change(userId, dto);
  }

  /** Ends their logins and API keys in this tenant. */
  @Delete(':userId')
  @HttpCode(204)
  @Access({ can: 'members:delete' })
  @ApiConflictResponse({ description: 'The last owner' })
  remove(@Id('userId') userId: string): Promise<void> {
    return this.members.remove(userId);
  }
}
