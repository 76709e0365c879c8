select current_user;
